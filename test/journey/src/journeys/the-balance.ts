import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { costNanoUsd, holdNanoUsd, usd } from '../kit/prices.js';
import { providerEntries, usageLagMsMax } from '../kit/provider-log.js';
import type { Shape } from '../kit/shape.js';
import { chatBody, type ChatFields, type TollgateClient } from '../kit/tollgate-client.js';

const measured: ChatFields = { max_tokens: 100, simulator: { prompt_tokens: 100, completion_tokens: 50 } };
const cost = costNanoUsd('gpt-4o-mini', 100, 50);
const hold = holdNanoUsd('gpt-4o-mini', Buffer.byteLength(chatBody(measured)), 100);
/** How long is waited until a gateway knows of a change of credit; a machine that is not busy takes two seconds. */
const knownWithinMs = 30_000;

/** A model whose price nobody knows. */
const UNPRICED = 'model-of-tomorrow';
const OWN_CREDITS = '/v1/dashboard/billing/credits';

interface Subscription {
  readonly id: string;
  readonly status: string;
  readonly quota: { readonly included_usd: string; readonly used_usd: string; readonly remaining_usd: string };
  readonly payg: { readonly enabled: boolean; readonly used_usd: string };
  readonly api_key: { readonly id: string; readonly secret: string; readonly status: string | null };
}

/** What is paid for beforehand, shared among keys, or bought month by month: served to its end, and no further. */
export function theBalance(shape: () => Shape): void {
  const everyGateway = () => shape().gateways.map((_, gateway) => shape().client(gateway));

  async function changed<T = { id: string }>(
    client: TollgateClient,
    method: string,
    path: string,
    body?: object,
  ): Promise<T> {
    const reply = await client.admin(method, path, body);
    expect([200, 201], `${method} ${path}: ${reply.text}`).toContain(reply.status);
    return reply.json();
  }

  /** Every gateway refuses the key with 402 and this code, as soon as it must know; no provider hears of it. */
  async function refusedEverywhere(secret: string, code: string, fields: ChatFields = measured): Promise<void> {
    for (const gateway of everyGateway()) {
      const refused = await waitUntil(
        async () => {
          const reply = await gateway.chat(secret, fields);
          return reply.status !== 200 && reply.code === code && reply;
        },
        { what: `a gateway to refuse with ${code}`, timeoutMs: knownWithinMs },
      );
      expect(refused.status, refused.text).toBe(402);
      expect(refused.json()).toMatchObject({ error: { type: 'insufficient_quota' } });
      expect(providerEntries(shape(), refused.requestId)).toEqual([]);
    }
  }

  /** Waits until this gateway serves the key. */
  async function served(secret: string, fields: ChatFields = measured, gateway = shape().client()): Promise<void> {
    await waitUntil(async () => (await gateway.chat(secret, fields)).status === 200, {
      what: 'a call to be served',
      timeoutMs: knownWithinMs,
    });
  }

  /** So many calls of the key are charged, each what it costs. */
  async function charged(client: TollgateClient, apiKeyId: string, calls: number): Promise<void> {
    const usage = await waitUntil(
      async () => {
        const totals = await client.usage(apiKeyId);
        return totals.requests >= calls && totals;
      },
      { what: `${calls} calls to be charged`, timeoutMs: usageLagMsMax },
    );
    expect(usage).toMatchObject({ requests: calls, cost_usd: usd(BigInt(calls) * cost) });
  }

  describe('what an organisation has paid for', () => {
    it('serves its keys to the end, over all gateways, and then nobody of it; a grant opens it again', async () => {
      const client = await shape().client().newOrganization('Prepaid');
      const [early, key, other] = [await client.createKey(), await client.createKey(), await client.createKey()];
      const stranger = await shape().client().createKey();
      const gateways = everyGateway();
      const path = `/v1/organizations/${client.organizationId!}/billing`;
      await changed(client, 'PUT', path, { balance: 'prepaid' });
      await refusedEverywhere(early.secret, 'insufficient_balance');

      const give = (amount: bigint) =>
        changed(client, 'POST', '/v1/credit-grants', {
          organization_id: client.organizationId,
          amount_usd: usd(amount),
        });
      await give(hold + BigInt(gateways.length + 1) * cost);
      for (const gateway of gateways) await served(key.secret, measured, gateway);
      await charged(client, key.id, gateways.length);
      const statuses = [];
      for (const secret of [other.secret, key.secret, other.secret, key.secret])
        statuses.push((await gateways.at(-1)!.chat(secret, measured)).status);
      expect(statuses).toEqual([200, 200, 402, 402]);
      await refusedEverywhere(other.secret, 'insufficient_balance');
      await charged(client, key.id, gateways.length + 1);
      await charged(client, other.id, 1);
      expect((await shape().client().chat(stranger.secret, measured)).status).toBe(200);

      // What the first grant has left and the second together are what one more call may cost.
      await give(cost);
      await served(key.secret);
      await refusedEverywhere(key.secret, 'insufficient_balance');
    });
  });

  describe('the budget of a group', () => {
    it('stops its keys where the group opens a route, and nowhere that another group does', async () => {
      const client = shape().client();
      const groups = [];
      for (const name of ['with a budget', 'without one']) groups.push((await newGroup(client, name)).id);
      const [spender, bystander] = [await client.createKey(), await client.createKey()];
      const [first, second] = groups as [string, string];
      for (const each of [spender, bystander]) await changed(client, 'PUT', `/v1/groups/${second}/keys/${each.id}`);
      await changed(client, 'PUT', `/v1/groups/${first}/keys/${spender.id}`);
      await changed(client, 'PUT', `/v1/groups/${first}/routes/any-closed`);
      await changed(client, 'PUT', `/v1/groups/${second}/routes/any-shut`);
      const [bounded, free] = [
        { ...measured, model: 'any-closed' },
        { ...measured, model: 'any-shut' },
      ];
      const boundedHold = holdNanoUsd('any-closed', Buffer.byteLength(chatBody(bounded)), 100);
      for (const fields of [bounded, free]) await served(spender.secret, fields);
      const budget = await changed(client, 'POST', '/v1/budgets', { group_id: first, amount_usd: usd(boundedHold) });
      await waitUntil(async () => (await client.chat(spender.secret, bounded)).status === 402, {
        what: 'the budget to be spent',
        timeoutMs: knownWithinMs,
      });
      await refusedEverywhere(spender.secret, 'quota_exceeded', bounded);
      for (const gateway of everyGateway()) {
        expect((await gateway.chat(spender.secret, free)).status).toBe(200);
        expect((await gateway.chat(bystander.secret, free)).status).toBe(200);
      }
      const refused = await client.chat(spender.secret, bounded);
      expect(refused.text).toContain(`budget of the group ${first}`);
      await changed(client, 'PATCH', `/v1/budgets/${budget.id}`, { amount_usd: '1' });
      await served(spender.secret, bounded);
    });

    it('ends with its group, and applies to no key that has left the group', async () => {
      const client = await shape().client().newOrganization('Regrouped');
      const [left, kept] = [await client.createKey(), await client.createKey()];
      const { id: group } = await newGroup(client, 'that ends');
      const { id: project } = await changed(client, 'POST', '/v1/projects', { name: 'one that ends' });
      for (const key of [left, kept]) await changed(client, 'PUT', `/v1/groups/${group}/keys/${key.id}`);
      await changed(client, 'POST', '/v1/budgets', { group_id: group, amount_usd: '0' });
      await changed(client, 'POST', '/v1/budgets', { project_id: project, amount_usd: '0' });
      for (const key of [left, kept]) await refusedEverywhere(key.secret, 'quota_exceeded');

      await changed(client, 'DELETE', `/v1/groups/${group}/keys/${left.id}`);
      for (const gateway of everyGateway()) await served(left.secret, measured, gateway);
      await refusedEverywhere(kept.secret, 'quota_exceeded');
      await changed(client, 'DELETE', `/v1/groups/${group}`);
      for (const gateway of everyGateway()) await served(kept.secret, measured, gateway);
      await changed(client, 'DELETE', `/v1/projects/${project}`);
      const budgets = () => changed<{ data: readonly unknown[] }>(client, 'GET', '/v1/budgets');
      await waitUntil(async () => (await budgets()).data.length === 0, {
        what: 'the budgets to end with the group and the project',
        timeoutMs: knownWithinMs,
      });
    });

    it('are changed by no key that they limit, and a key leaves no group by itself', async () => {
      const client = await shape().client().newOrganization('Limited admins');
      const group = await newGroup(client, 'of an admin');
      const project = await changed(client, 'POST', '/v1/projects', { name: 'of an admin' });
      const budgets = await Promise.all(
        [{ group_id: group.id }, { project_id: project.id }].map((owner) =>
          changed(client, 'POST', '/v1/budgets', { ...owner, amount_usd: '0', reset: 'monthly' }),
        ),
      );
      const admin = { scopes: ['admin', 'inference:write'] };
      const limited = await client.createKey({ ...admin, name: 'limited', project_id: project.id });
      await changed(client, 'PUT', `/v1/groups/${group.id}/keys/${limited.id}`);
      const other = await client.createKey({ ...admin, name: 'not limited' });
      const as = async (secret: string, method: string, path: string, body?: object): Promise<number> => {
        const headers = { authorization: `Bearer ${secret}` };
        return (await client.call({ method, path, headers, ...(body === undefined ? {} : { body }) })).status;
      };
      const more = { amount_usd: '5' };
      for (const { id } of budgets) {
        expect(await as(limited.secret, 'PATCH', `/v1/budgets/${id}`, more)).toBe(403);
        expect(await as(limited.secret, 'DELETE', `/v1/budgets/${id}`)).toBe(403);
      }
      expect(await as(limited.secret, 'DELETE', `/v1/groups/${group.id}/keys/${limited.id}`)).toBe(403);
      expect(await as(limited.secret, 'DELETE', `/v1/groups/${group.id}`)).toBe(403);
      await refusedEverywhere(limited.secret, 'quota_exceeded');
      for (const { id } of budgets) expect(await as(other.secret, 'PATCH', `/v1/budgets/${id}`, more)).toBe(200);
      await served(limited.secret);
    });

    let number = 0;
    const newGroup = (client: TollgateClient, name: string) =>
      changed(client, 'POST', '/v1/groups', { name: `a group ${name} ${++number}` });
  });

  describe('a subscription', () => {
    it('serves its quota, then what is paid as it goes up to its limit, and nothing once it is cancelled', async () => {
      const client = await shape().client().newOrganization('Subscribers');
      const name = `plan of the ${shape().name} journeys`;
      await changed(client, 'POST', '/v1/plans', { name, quota_usd: usd(hold + cost), price_usd: '15' });
      const created = await changed<Subscription>(client, 'POST', '/v1/subscriptions', { plan: name });
      const { id, api_key: key } = created;
      expect(key.secret).toMatch(/^sk-sub-/);
      shape().canaries.keySecrets.add(key.secret);
      const shown = () => changed<Subscription>(client, 'GET', `/v1/subscriptions/${id}`);

      for (let call = 0; call < 2; call++) expect((await client.chat(key.secret, measured)).status).toBe(200);
      await refusedEverywhere(key.secret, 'quota_exceeded');
      await waitUntil(async () => (await shown()).quota.used_usd === usd(2n * cost), {
        what: 'the subscription to show what is used',
        timeoutMs: knownWithinMs,
      });

      await changed(client, 'PATCH', `/v1/subscriptions/${id}`, { payg: { enabled: true, limit_usd: usd(hold) } });
      await served(key.secret);
      await refusedEverywhere(key.secret, 'insufficient_balance');
      await waitUntil(async () => (await shown()).payg.used_usd === usd(cost), {
        what: 'the subscription to show what is paid as it goes',
        timeoutMs: knownWithinMs,
      });
      await charged(client, key.id, 3);
      const number = (nanoUsd: bigint) => Number(usd(nanoUsd));
      expect(await ownCredits(key.secret)).toMatchObject({
        is_subscriber: true,
        payg: { used_usd: number(cost), total_usd: number(hold), remaining_usd: number(hold - cost) },
        subscription: {
          plan_type: name,
          status: 'active',
          cycle_quota_used: number(2n * cost),
          cycle_quota_remaining: number(hold - cost),
          payg_fallback_enabled: true,
          payg_spent_usd: number(cost),
          payg_limit_usd: number(hold),
        },
      });

      const cancelled = await changed<Subscription>(client, 'POST', `/v1/subscriptions/${id}/cancel`, { at: 'now' });
      expect(cancelled.status).toBe('ended');
      await refusedEverywhere(key.secret, 'subscription_expired');
      expect(await ownCredits(key.secret)).toMatchObject({ is_subscriber: false, payg: { remaining_usd: 0 } });
    });

    it('gets a new key after its own has leaked, whose quota stands where it stood', async () => {
      const client = await shape().client().newOrganization('Leaked subscribers');
      const name = `plan of leaks, ${shape().name}`;
      await changed(client, 'POST', '/v1/plans', { name, quota_usd: usd(hold + cost), price_usd: '15' });
      const created = await changed<Subscription>(client, 'POST', '/v1/subscriptions', { plan: name });
      const { id, api_key: leaked } = created;
      shape().canaries.keySecrets.add(leaked.secret);
      expect((await client.chat(leaked.secret, measured)).status).toBe(200);
      const early = await client.admin('POST', `/v1/subscriptions/${id}/keys`);
      expect([early.status, early.code]).toEqual([409, 'conflict']);

      const finding = { token: leaked.secret, type: 'ours', url: 'https://github.com/octocat/hello', source: 'commit' };
      const body = JSON.stringify([finding]);
      const headers = shape().github.sign(body);
      await client.call({ method: 'POST', path: '/webhooks/github/secret-scanning', headers, body });
      for (const gateway of everyGateway())
        await waitUntil(async () => (await gateway.chat(leaked.secret, measured)).status === 401, {
          what: 'the leaked key to be refused',
          timeoutMs: knownWithinMs,
        });
      const shown = () => changed<Subscription>(client, 'GET', `/v1/subscriptions/${id}`);
      expect(await shown()).toMatchObject({ status: 'active', api_key: { id: leaked.id, status: 'leaked' } });

      const replaced = await changed<Subscription>(client, 'POST', `/v1/subscriptions/${id}/keys`);
      const { api_key: key } = replaced;
      shape().canaries.keySecrets.add(key.secret);
      expect(key.secret).toMatch(/^sk-sub-/);
      expect(key.id).not.toBe(leaked.id);
      expect(await shown()).toMatchObject({ id, api_key: { id: key.id, status: 'active' } });
      await served(key.secret);
      // One call was served with the leaked key, and the quota covers two.
      await refusedEverywhere(key.secret, 'quota_exceeded');
      expect((await client.chat(leaked.secret, measured)).status).toBe(401);
      await waitUntil(async () => (await shown()).quota.used_usd === usd(2n * cost), {
        what: 'the subscription to show what both keys used',
        timeoutMs: knownWithinMs,
      });
      const { data: accounts } = await changed<{ data: object[] }>(
        client,
        'GET',
        '/v1/ledger/accounts?kind=subscription',
      );
      expect(accounts).toHaveLength(1);
    });
  });

  describe('the ledger', () => {
    interface Account {
      readonly id: string;
      readonly cap_usd: string | null;
      readonly posted_usd: string;
      readonly held_usd: string;
      readonly remaining_usd: string | null;
    }

    it('shows the limits of its accounts as keys, budgets and organisations do, whatever was changed since the last call', async () => {
      const client = await shape().client().newOrganization('Of the ledger');
      const organization = `/v1/organizations/${client.organizationId!}`;
      const key = await client.createKey({ credit_limit_usd: '1' });
      const group = await changed(client, 'POST', '/v1/groups', { name: 'of the ledger' });
      await changed(client, 'PUT', `/v1/groups/${group.id}/keys/${key.id}`);
      const budget = await changed(client, 'POST', '/v1/budgets', { group_id: group.id, amount_usd: '1' });
      await changed(client, 'PATCH', organization, { credit_limit_usd: '1' });
      const accounts = async () => {
        const { data } = await changed<{ data: Account[] }>(client, 'GET', '/v1/ledger/accounts');
        return new Map(data.map((account) => [account.id, account]));
      };
      const shown = async (path: string) => changed<Record<string, string | null>>(client, 'GET', path);
      /** What is left, as each of the three says, and as the ledger does. */
      const left = async (): Promise<readonly (string | null | undefined)[][]> => {
        const ledger = await accounts();
        return [
          [(await shown(`/v1/api-keys/${key.id}`))['credit_remaining_usd'], ledger.get(`key:${key.id}`)?.remaining_usd],
          [(await shown(`/v1/budgets/${budget.id}`))['remaining_usd'], ledger.get(`group:${group.id}`)?.remaining_usd],
          [
            (await shown(organization))['credit_remaining_usd'],
            ledger.get(`organization:${client.organizationId!}`)?.remaining_usd,
          ],
        ];
      };
      const both = (nanoUsd: bigint) => [usd(nanoUsd), usd(nanoUsd)];
      const USD = 1_000_000_000n;

      await served(key.secret);
      await charged(client, key.id, 1);
      expect(await left()).toEqual([both(USD - cost), both(USD - cost), both(USD - cost)]);

      // A call under way holds a part of each.
      const open = await client.openChat(key.secret, {
        ...measured,
        simulator: { ...measured.simulator, chunks: 4, chunk_interval_ms: 1_500 },
      });
      const held = BigInt(Math.round(Number((await accounts()).get(`key:${key.id}`)!.held_usd) * 1e9));
      expect(held).toBeGreaterThan(0n);
      expect(await left()).toEqual([1, 2, 3].map(() => both(USD - cost - held)));
      await open.ended;
      await charged(client, key.id, 2);

      await changed(client, 'PATCH', `/v1/api-keys/${key.id}`, { credit_limit_usd: '0.5' });
      await changed(client, 'PATCH', `/v1/budgets/${budget.id}`, { amount_usd: '0.4' });
      const until = new Date(Date.now() + 6_000).toISOString();
      await changed(client, 'PATCH', organization, {
        credit_limit_usd: '0.3',
        credit_limit_raise: { amount_usd: '0.2', until },
      });
      const used = 2n * cost;
      expect(await left()).toEqual([both(USD / 2n - used), both((4n * USD) / 10n - used), both(USD / 2n - used)]);
      expect((await accounts()).get(`key:${key.id}`)).toMatchObject({ cap_usd: '0.5', posted_usd: usd(used) });
      await waitUntil(async () => new Date().toISOString() > until, { what: 'the raise to end' });
      expect((await left())[2]).toEqual(both((3n * USD) / 10n - used));

      // Without a limit, and where the limit begins anew in another way, nothing is left of this account, nor used up.
      await changed(client, 'PATCH', `/v1/api-keys/${key.id}`, { credit_reset: 'daily' });
      expect((await accounts()).get(`key:${key.id}`)).toMatchObject({ cap_usd: null, remaining_usd: null });
      await changed(client, 'DELETE', `/v1/budgets/${budget.id}`);
      expect((await accounts()).get(`group:${group.id}`)).toMatchObject({ cap_usd: null, posted_usd: usd(used) });
      await changed(client, 'PATCH', organization, { credit_limit_usd: null, credit_limit_raise: null });
      expect((await accounts()).get(`organization:${client.organizationId!}`)).toMatchObject({
        cap_usd: null,
        remaining_usd: null,
      });
      expect((await shown(organization))['credit_remaining_usd']).toBeNull();
    });
  });

  describe('an explanation', () => {
    interface Explained {
      readonly passes: boolean;
      readonly rule: string | null;
      readonly code: string | null;
      readonly value: unknown;
      readonly resets_at: string | null;
    }
    type Situation = (client: TollgateClient) => Promise<{ id: string; secret: string; model?: string }>;

    const inGroup = async (client: TollgateClient, budget: object, route?: string) => {
      const key = await client.createKey();
      const { id } = await changed(client, 'POST', '/v1/groups', { name: `explained ${key.id}` });
      await changed(client, 'PUT', `/v1/groups/${id}/keys/${key.id}`);
      if (route !== undefined) await changed(client, 'PUT', `/v1/groups/${id}/routes/${route}`);
      await changed(client, 'POST', '/v1/budgets', { group_id: id, ...budget });
      return key;
    };
    const subscribed = async (client: TollgateClient, quota: string, payg?: object) => {
      const name = `explained plan ${shape().name} ${client.organizationId}`;
      await changed(client, 'POST', '/v1/plans', { name, quota_usd: quota, price_usd: '0' });
      const { id, api_key: key } = await changed<Subscription>(client, 'POST', '/v1/subscriptions', { plan: name });
      shape().canaries.keySecrets.add(key.secret);
      if (payg !== undefined) await changed(client, 'PATCH', `/v1/subscriptions/${id}`, { payg });
      return key;
    };
    const prepaid = async (client: TollgateClient, ...amounts: readonly string[]) => {
      const path = `/v1/organizations/${client.organizationId!}/billing`;
      await changed(client, 'PUT', path, { balance: 'prepaid' });
      for (const amount of amounts)
        await changed(client, 'POST', '/v1/credit-grants', {
          organization_id: client.organizationId,
          amount_usd: amount,
        });
      return client.createKey();
    };

    it.each<[string, string | null, string | null, Situation]>([
      ['a key without limits', null, null, (client) => client.createKey()],
      ['a limit of a key', 'credit', 'quota_exceeded', (client) => client.createKey({ credit_limit_usd: '0' })],
      [
        'a budget of a group',
        'budgets',
        'quota_exceeded',
        (client) => inGroup(client, { amount_usd: '0', reset: 'daily' }),
      ],
      ['a budget of a group with room', null, null, (client) => inGroup(client, { amount_usd: '1' })],
      [
        'a budget of a group that opens the route',
        'budgets',
        'quota_exceeded',
        async (client) => ({ ...(await inGroup(client, { amount_usd: '0' }, 'any-closed')), model: 'any-closed' }),
      ],
      [
        'a budget of a group that does not open the route',
        null,
        null,
        async (client) => {
          const key = await inGroup(client, { amount_usd: '0' });
          const { id } = await changed(client, 'POST', '/v1/groups', { name: `opens ${key.id}` });
          await changed(client, 'PUT', `/v1/groups/${id}/keys/${key.id}`);
          await changed(client, 'PUT', `/v1/groups/${id}/routes/any-closed`);
          return { ...key, model: 'any-closed' };
        },
      ],
      [
        'a budget of a project',
        'budgets',
        'quota_exceeded',
        async (client) => {
          const { id } = await changed(client, 'POST', '/v1/projects', { name: 'explained' });
          const key = await client.createKey({ project_id: id });
          await changed(client, 'POST', '/v1/budgets', { project_id: id, amount_usd: '0' });
          return key;
        },
      ],
      ['no balance', 'balance', 'insufficient_balance', (client) => prepaid(client)],
      ['a balance', null, null, (client) => prepaid(client, '0.5', '0.5')],
      ['a quota of nothing', 'subscription', 'quota_exceeded', (client) => subscribed(client, '0')],
      ['a quota', null, null, (client) => subscribed(client, '1')],
      [
        'no quota and nothing to pay as it goes',
        'subscription',
        'insufficient_balance',
        (client) => subscribed(client, '0', { enabled: true, limit_usd: '0' }),
      ],
      [
        'no quota and what is paid as it goes',
        null,
        null,
        (client) => subscribed(client, '0', { enabled: true, limit_usd: '1' }),
      ],
      [
        'a quota without a balance',
        null,
        null,
        async (client) => {
          await prepaid(client);
          return subscribed(client, '1');
        },
      ],
      [
        'a model without a price, and a limit',
        'price',
        'unpriced_model',
        async (client) => ({ ...(await client.createKey({ credit_limit_usd: '1' })), model: UNPRICED }),
      ],
      [
        'a model without a price, and no limit',
        null,
        null,
        async (client) => ({ ...(await client.createKey()), model: UNPRICED }),
      ],
    ])('says of %s what every gateway answers', async (what, rule, code, situation) => {
      const client = await shape().client().newOrganization(`Explained: ${what}`);
      const { id, secret, model } = await situation(client);
      const fields = model === undefined ? measured : { ...measured, model };
      if (code === null) for (const gateway of everyGateway()) await served(secret, fields, gateway);
      else if (code === 'unpriced_model')
        expect(await client.chat(secret, fields)).toMatchObject({ status: 400, code });
      else await refusedEverywhere(secret, code, fields);
      const explained = await changed<Explained>(client, 'POST', `/v1/api-keys/${id}/explain`, {
        model: model ?? 'support-bot',
        endpoint: '/v1/chat/completions',
      });
      expect(explained).toMatchObject({ passes: code === null, rule, code });
      // What costs nothing is refused for no credit.
      const counted = { model: model ?? 'support-bot', endpoint: 'count-tokens' };
      expect(await changed<Explained>(client, 'POST', `/v1/api-keys/${id}/explain`, counted)).toMatchObject({
        passes: true,
      });
    });

    it('says what is used and left of a budget, and when it begins anew', async () => {
      const client = await shape().client().newOrganization('Explained in full');
      const key = await inGroup(client, { amount_usd: '0', reset: 'daily' });
      await refusedEverywhere(key.secret, 'quota_exceeded');
      const explained = await changed<Explained>(client, 'POST', `/v1/api-keys/${key.id}/explain`, {});
      expect(explained).toMatchObject({
        rule: 'budgets',
        value: [
          {
            group_id: expect.any(String),
            credit_limit_usd: '0',
            credit_used_usd: expect.any(String),
            credit_left_usd: '0',
            credit_reset: 'daily',
            resets_at: explained.resets_at,
          },
        ],
      });
      expect(Date.parse(explained.resets_at!) % 86_400_000).toBe(0);
    });
  });

  it('is what a key may ask for itself, without any scope for it and with its credit spent', async () => {
    const client = shape().client();
    const key = await client.createKey({ credit_limit_usd: usd(hold) });
    await served(key.secret);
    await charged(client, key.id, 1);
    expect(await ownCredits(key.secret)).toEqual({
      object: 'billing_credits',
      is_subscriber: false,
      payg: {
        remaining_usd: Number(usd(hold - cost)),
        used_usd: Number(usd(cost)),
        total_usd: Number(usd(hold)),
        is_unlimited: false,
      },
    });
    await refusedEverywhere(key.secret, 'quota_exceeded');
    expect((await client.call({ method: 'GET', path: OWN_CREDITS })).status).toBe(401);
  });

  it('is for a key without a limit what the refusal of its next call says of the balance', async () => {
    const client = await shape().client().newOrganization('Told of its balance');
    const key = await client.createKey();
    const grant = { organization_id: client.organizationId, amount_usd: usd(hold) };
    await changed(client, 'POST', '/v1/credit-grants', grant);
    expect((await client.chat(key.secret, measured)).status).toBe(200);
    await charged(client, key.id, 1);
    await refusedEverywhere(key.secret, 'insufficient_balance');
    const { text } = await client.chat(key.secret, measured);
    expect(text).toContain(` has ${usd(hold - cost)} USD left`);
    expect(await ownCredits(key.secret)).toMatchObject({
      payg: {
        remaining_usd: Number(usd(hold - cost)),
        used_usd: Number(usd(cost)),
        total_usd: Number(usd(hold)),
        is_unlimited: false,
      },
    });
  });

  /** What a key is told of its own credit, at every gateway the same. */
  async function ownCredits(secret: string): Promise<unknown> {
    const replies = await Promise.all(
      everyGateway().map((gateway) =>
        gateway.call({ method: 'GET', path: OWN_CREDITS, headers: { authorization: `Bearer ${secret}` } }),
      ),
    );
    const [first, ...others] = replies.map((reply) => reply.json<unknown>());
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    for (const other of others) expect(other).toEqual(first);
    return first;
  }
}
