import { randomUUID } from 'node:crypto';
import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { mailsIn } from '../kit/mailbox.js';
import { costNanoUsd, holdNanoUsd, usd } from '../kit/prices.js';
import type { Shape } from '../kit/shape.js';
import { chatBody, type ChatFields } from '../kit/tollgate-client.js';

const measured: ChatFields = { max_tokens: 100, simulator: { prompt_tokens: 100, completion_tokens: 50 } };
const cost = costNanoUsd('gpt-4o-mini', 100, 50);
const hold = holdNanoUsd('gpt-4o-mini', Buffer.byteLength(chatBody(measured)), 100);
/** People are told within about two seconds; the machine may be busy. */
const toldWithinMs = 30_000;

interface Alert {
  readonly level: number;
  readonly reason: string;
  readonly used_usd: string;
  readonly limit_usd: string;
  readonly asked_usd: string;
}

/** What people hear about credit while it is used. */
export function theAlerts(shape: () => Shape): void {
  describe('an alert', () => {
    it('says 100 % when a limit refuses its first call, once, and once more after a raise', async () => {
      const clients = shape().gateways.map((_, gateway) => shape().client(gateway));
      const name = `told of once ${shape().name}`;
      // One call fits, and a second one may cost one nano-USD too much.
      const limit = hold + cost - 1n;
      const key = await shape()
        .client()
        .createKey({ name, credit_limit_usd: usd(limit) });
      const alerts = async (): Promise<Alert[]> => {
        const reply = await shape().client().admin('GET', `/v1/alerts?api_key_id=${key.id}&level=100`);
        expect(reply.status, reply.text).toBe(200);
        return reply.json<{ data: Alert[] }>().data;
      };
      const served = () =>
        waitUntil(async () => (await clients[0]!.chat(key.secret, measured)).status === 200, {
          what: 'a call to pass',
        });
      /** The call before is settled a moment after its answer; until then more is refused, and for other reasons. */
      const posted = (calls: number) =>
        waitUntil(async () => (await shape().client().usage(key.id)).requests >= calls, {
          what: `${calls} calls booked`,
        });
      const refused = async () => {
        for (const client of [...clients, ...clients])
          expect((await client.chat(key.secret, measured)).code).toBe('quota_exceeded');
      };
      const told = (count: number) =>
        waitUntil(async () => (await alerts()).length >= count, { what: `alert ${count}`, timeoutMs: toldWithinMs });

      await served();
      await posted(1);
      await refused();
      await told(1);
      expect(await alerts()).toMatchObject([
        { reason: 'refused', used_usd: usd(cost), limit_usd: usd(limit), asked_usd: usd(hold) },
      ]);
      await waitUntil(() => mailsIn(shape().mailFolder).some((mail) => mail.includes(name)), {
        what: 'the owner gets a mail',
        timeoutMs: toldWithinMs,
      });
      await refused();

      const raised = await shape()
        .client()
        .admin('PATCH', `/v1/api-keys/${key.id}`, { credit_limit_usd: usd(limit + cost) });
      expect(raised.status, raised.text).toBe(200);
      await served();
      await posted(2);
      await refused();
      await told(2);
      expect((await alerts()).map(({ limit_usd }) => limit_usd)).toEqual([usd(limit + cost), usd(limit)]);
    });

    const somewhere = { url: 'https://hooks.example.com/tollgate', events: ['credit.threshold_crossed'] };
    it.each([
      ['POST', '/v1/webhooks', somewhere],
      ['PATCH', '/v1/alerts/settings', { emails: ['somebody@example.com'] }],
    ])('goes nowhere for an organisation that is not there: %s %s is 404', async (method, path, body) => {
      const gone = await shape().client().newOrganization('soon gone');
      const deleted = await gone.admin('DELETE', `/v1/organizations/${gone.organizationId!}`);
      expect(deleted.status, deleted.text).toBe(200);
      for (const organizationId of [gone.organizationId!, randomUUID()]) {
        const reply = await shape().client().admin(method, path, body, { 'x-organization-id': organizationId });
        expect([reply.status, reply.code]).toEqual([404, 'organization_not_found']);
      }
    });
  });
}
