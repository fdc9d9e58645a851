import { randomUUID } from 'node:crypto';
import { NOBODY } from '@tollgate/auth';
import { NOTICES_V1, type NoticesV1 } from '@tollgate/contracts';
import type { ServiceDatabase } from '@tollgate/postgres';
import { createLogger } from '@tollgate/telemetry';
import {
  AlertMailStore,
  DeliverNoticesController,
  DeliveryStore,
  raiseAlerts,
  WebhookStore,
  type Webhook,
} from '@tollgate/usage-billing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditRecords, billing, databaseShapes, type OpenedDatabase } from './billing-fixture.js';

const logger = createLogger({ service: 'contract', level: 'silent' });

/** As long as one is taken alone, the others are there to be taken: nobody sends those that were leased beside it. */
describe.each(databaseShapes)(
  'of what is due one is leased, also of a table that is known to be small, $shape',
  ({ open }) => {
    let opened: OpenedDatabase;
    let database: ServiceDatabase;
    beforeAll(async () => {
      opened = await open();
      database = billing(opened.database);
    });
    afterAll(() => opened?.close());

    const analyze = (table: string) => opened.database.dataSource.query(`ANALYZE billing.${table}`);
    const threeOf = async (take: () => Promise<{ readonly id: string } | null>) => {
      const taken = [await take(), await take(), await take()];
      expect(taken).not.toContain(null);
      expect(new Set(taken.map((each) => each!.id)).size).toBe(3);
      expect(await take()).toBeNull();
    };

    it('of mails about alerts', async () => {
      const mails = new AlertMailStore(database);
      const organizationId = randomUUID();
      const accountId = `key:${organizationId}`;
      const filled = {
        organizationId,
        accountId,
        apiKeyId: null,
        level: 80,
        reason: 'posted',
        refusedCall: null,
      } as const;
      const crossings = [{ ...filled, usedNanoUsd: 80n, limitNanoUsd: 100n }];
      await database.acrossOrganizations((manager) => raiseAlerts(manager, { crossings, armedAgain: [] }, new Date()));
      const [alert] = await opened.database.dataSource.query<{ id: string }[]>('SELECT id FROM billing.alert');
      const owe = (...recipients: string[]) =>
        mails.owe({ organizationId, id: alert!.id }, recipients, { subject: 's', text: 't' }, new Date());
      await owe('a@localhost');
      await analyze('alert_mail');
      await owe('b@localhost', 'c@localhost');
      await threeOf(() => mails.take(60_000));
    });

    it('of messages to webhooks', async () => {
      const webhooks = new WebhookStore(database, auditRecords(database));
      const deliveries = new DeliveryStore(database, auditRecords(database));
      const wake = { wake: () => undefined } as never;
      const notices = new DeliverNoticesController(database, wake, logger);
      let offset = 0n;
      const addOne = async () => {
        const organizationId = randomUUID();
        const webhook: Webhook = {
          ...{ organizationId, id: randomUUID(), url: 'http://localhost', events: ['api_key.leaked'], secret: 's' },
          ...{ description: null, formerSecret: null, disabled: null, createdAt: new Date(), version: 1 },
        };
        await database.inOrganization(organizationId, (manager) => webhooks.insert(manager, webhook, NOBODY));
        const notice: NoticesV1 = {
          ...{ eventVersion: 1, noticeId: randomUUID(), organizationId, type: 'api_key.leaked' },
          ...{ occurredAt: new Date().toISOString(), data: { api_key_id: 'k' } },
        };
        const message = { offset: offset++, part: 0, key: 'o', value: JSON.stringify(notice) };
        await notices.onNotices({ topic: NOTICES_V1, partition: 0, messages: [message] });
      };
      await addOne();
      await analyze('webhook_delivery');
      await analyze('webhook');
      await addOne();
      await addOne();
      await threeOf(() => deliveries.take(60_000));
    });
  },
);
