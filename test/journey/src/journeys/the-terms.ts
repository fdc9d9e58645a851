import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { costNanoUsd, usd } from '../kit/prices.js';
import { usageLagMsMax } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';
import type { ChatFields, TollgateClient } from '../kit/tollgate-client.js';

const measured: ChatFields = { max_tokens: 100, simulator: { prompt_tokens: 100, completion_tokens: 50 } };
const cost = costNanoUsd('gpt-4o-mini', 100, 50);
/** How often a change is made and taken back: a reply that is early by a millisecond is seen in some of so many. */
const ROUNDS = 25;
const SERVED = [200, null];

interface Change {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
}

/** A limit that is set and taken away, each by one request. */
interface Switch {
  readonly key: { readonly secret: string };
  /** The status and code of a call while it is set. */
  readonly refused: readonly [number, string];
  readonly set: () => Promise<Change>;
  readonly lift: () => Promise<Change>;
}

/** What is agreed about credit counts for the next call after the reply, at every gateway. */
export function theTerms(shape: () => Shape): void {
  const gateways = (): TollgateClient[] => shape().gateways.map((_, at) => shape().client(at));

  async function changed<T = { id: string }>(client: TollgateClient, { method, path, body }: Change): Promise<T> {
    const reply = await client.admin(method, path, body);
    expect([200, 201], `${method} ${path}: ${reply.text}`).toContain(reply.status);
    return reply.json();
  }
  /** What each gateway answers, the one in `turn` first. */
  async function answers(secret: string, turn: number): Promise<readonly (readonly [number, string | null])[]> {
    const all = gateways();
    const replies = [];
    for (let at = 0; at < all.length; at++) replies.push(await all[(turn + at) % all.length]!.chat(secret, measured));
    return replies.map(({ status, code }) => [status, status === 200 ? null : (code ?? null)]);
  }
  const post = (path: string, body: object = {}): Change => ({ method: 'POST', path, body });

  const subscribed = async (client: TollgateClient, plan: object) => {
    const name = `terms ${shape().name} ${client.organizationId!}`;
    await changed(client, post('/v1/plans', { name, price_usd: '0', ...plan }));
    const made = await changed<{ id: string; api_key: { secret: string } }>(
      client,
      post('/v1/subscriptions', { plan: name }),
    );
    shape().canaries.keySecrets.add(made.api_key.secret);
    return made;
  };
  const billing = (client: TollgateClient, body: object): Change => ({
    method: 'PUT',
    path: `/v1/organizations/${client.organizationId!}/billing`,
    body,
  });

  describe('the reply to a change of what is agreed', () => {
    it.each<[string, (client: TollgateClient) => Promise<Switch>]>([
      [
        'prepaid without credit, and postpaid again',
        async (client) => ({
          key: await client.createKey(),
          refused: [402, 'insufficient_balance'],
          set: async () => billing(client, { balance: 'prepaid' }),
          lift: async () => billing(client, { balance: 'postpaid' }),
        }),
      ],
      [
        'a budget that is made and deleted',
        async (client) => {
          const key = await client.createKey();
          const group = await changed(client, post('/v1/groups', { name: 'with a budget' }));
          await changed(client, { method: 'PUT', path: `/v1/groups/${group.id}/keys/${key.id}` });
          return {
            key,
            refused: [402, 'quota_exceeded'],
            set: async () => post('/v1/budgets', { group_id: group.id, amount_usd: '0' }),
            lift: async () => {
              const reply = await client.admin('GET', '/v1/budgets');
              const [budget] = reply.json<{ data: readonly { id: string }[] }>().data;
              return { method: 'DELETE', path: `/v1/budgets/${budget!.id}` };
            },
          };
        },
      ],
      [
        'a budget that is lowered and raised',
        async (client) => {
          const project = await changed(client, post('/v1/projects', { name: 'with a budget' }));
          const key = await client.createKey({ project_id: project.id });
          const { id } = await changed(client, post('/v1/budgets', { project_id: project.id, amount_usd: '5' }));
          const amount = async (amount_usd: string): Promise<Change> => ({
            method: 'PATCH',
            path: `/v1/budgets/${id}`,
            body: { amount_usd },
          });
          return { key, refused: [402, 'quota_exceeded'], set: () => amount('0'), lift: () => amount('5') };
        },
      ],
      [
        'the limit of the organisation',
        async (client) => {
          const limit = async (credit_limit_usd: string | null): Promise<Change> => ({
            method: 'PATCH',
            path: `/v1/organizations/${client.organizationId!}`,
            body: { credit_limit_usd },
          });
          const refused = [402, 'insufficient_balance'] as const;
          return { key: await client.createKey(), refused, set: () => limit('0'), lift: () => limit(null) };
        },
      ],
      [
        'a grant that ends, and another one',
        async (client) => {
          const give = async () =>
            post('/v1/credit-grants', { organization_id: client.organizationId, amount_usd: '5' });
          await changed(client, await give());
          return {
            key: await client.createKey(),
            refused: [402, 'insufficient_balance'],
            set: async () => {
              const reply = await client.admin('GET', '/v1/credit-grants?limit=1');
              const [grant] = reply.json<{ data: readonly { id: string }[] }>().data;
              return post(`/v1/credit-grants/${grant!.id}/expire`);
            },
            lift: give,
          };
        },
      ],
      [
        'pay-as-you-go of a subscription',
        async (client) => {
          const { id, api_key: key } = await subscribed(client, { quota_usd: '0' });
          const payg = async (fields: object): Promise<Change> => ({
            method: 'PATCH',
            path: `/v1/subscriptions/${id}`,
            body: { payg: fields },
          });
          return {
            key,
            refused: [402, 'quota_exceeded'],
            set: () => payg({ enabled: false }),
            lift: () => payg({ enabled: true, limit_usd: '5' }),
          };
        },
      ],
    ])('comes when each gateway enforces it: %s', { timeout: 300_000 }, async (what, prepare) => {
      const client = await shape().client().newOrganization(`Terms: ${what}`);
      const { key, refused, set, lift } = await prepare(client);
      // The gateways know the key and its organisation.
      await answers(key.secret, 0);
      for (let round = 0; round < ROUNDS; round++) {
        await changed(client, await set());
        expect(await answers(key.secret, round), `round ${round}, set`).toEqual(gateways().map(() => refused));
        await changed(client, await lift());
        expect(await answers(key.secret, round), `round ${round}, lifted`).toEqual(gateways().map(() => SERVED));
      }
    });

    it('comes when each gateway charges by it: a first grant, and a mark-up', { timeout: 300_000 }, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const client = await shape().client().newOrganization(`First grant ${round}`);
        const key = await client.createKey();
        await answers(key.secret, round);
        const grant = await changed(
          client,
          post('/v1/credit-grants', { organization_id: client.organizationId, amount_usd: '1' }),
        );
        await answers(key.secret, round);
        await changed(client, billing(client, { markup_percent: 100 }));
        await answers(key.secret, round);
        const calls = BigInt(gateways().length);
        const usage = await waitUntil(
          async () => {
            const totals = await client.usage(key.id);
            return totals.requests >= 3 * gateways().length && totals;
          },
          { what: 'all calls to be booked', timeoutMs: usageLagMsMax },
        );
        expect(usage.cost_usd, `round ${round}`).toBe(usd(4n * calls * cost));
        const spent = await waitUntil(
          async () => {
            const shown = await client.admin('GET', `/v1/credit-grants/${grant.id}`);
            const { spent_usd: posted, held_usd: held } = shown.json<{ spent_usd: string; held_usd: string }>();
            return held === '0' && posted;
          },
          { what: 'nothing to be held' },
        );
        expect(spent, `round ${round}`).toBe(usd(3n * calls * cost));
      }
    });

    it('comes when each gateway knows the end of a subscription, and a larger plan', { timeout: 300_000 }, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const client = await shape().client().newOrganization(`Subscription ${round}`);
        const { id, api_key: key } = await subscribed(client, { quota_usd: '0' });
        expect(await answers(key.secret, round)).toEqual(gateways().map(() => [402, 'quota_exceeded']));
        const larger = `larger ${client.organizationId!}`;
        await changed(client, post('/v1/plans', { name: larger, quota_usd: '50', price_usd: '0' }));
        await changed(client, { method: 'PATCH', path: `/v1/subscriptions/${id}`, body: { plan: larger } });
        expect(await answers(key.secret, round), `round ${round}`).toEqual(gateways().map(() => SERVED));
        await changed(client, post(`/v1/subscriptions/${id}/cancel`, { at: 'now' }));
        const ended = gateways().map(() => [402, 'subscription_expired']);
        expect(await answers(key.secret, round), `round ${round}`).toEqual(ended);
      }
    });
  });
}
