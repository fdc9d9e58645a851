import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { ServiceDatabase } from '@tollgate/postgres';
import { createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startKeyManagement, type KeyManagementStage } from '../../key-management-stage.js';
import { MailOutbox } from './mail-outbox.js';

let stage: KeyManagementStage;
beforeAll(async () => {
  stage = await startKeyManagement({
    snapshots: new MemoryKeySnapshots(),
    bus: { publish: () => Promise.resolve() },
    usageBilling: { spendingByKey: () => Promise.resolve([]) },
    registry: createMetricsRegistry('test', { processMetrics: false }),
  });
}, 60_000);
afterAll(() => stage?.stop(), 30_000);

const mail = {
  to: 'ann@example.org',
  subject: 'Hello',
  text: 'A secret link',
  until: new Date(Date.now() + 3_600_000),
};
const inTransaction = <T>(work: Parameters<ServiceDatabase['outsideOrganizations']>[0]) =>
  stage.app.get(ServiceDatabase).outsideOrganizations(work) as Promise<T>;

describe('a mail to a person', () => {
  it('is sent once its transaction has committed, and does not lie in the database in clear', async () => {
    const outbox = stage.app.get(MailOutbox);
    let waiting = '';
    await inTransaction(async (manager) => {
      await outbox.add(manager, mail);
      // The service may write entries, and not read what they say.
      await manager.query('RESET ROLE');
      waiting = JSON.stringify(await manager.query(`SELECT * FROM keys.outbox WHERE effect = 'send-mail'`));
      expect(stage.mails).toEqual([]);
    });
    expect(waiting).toContain('send-mail');
    for (const text of [mail.to, mail.text, mail.subject]) expect(waiting).not.toContain(text);
    await expect.poll(() => stage.mails).toMatchObject([{ to: [mail.to], subject: mail.subject, text: mail.text }]);
    expect(stage.mails[0]!.id).toMatch(/^people-[0-9a-f-]{36}$/);
  });

  it('is not sent where the transaction fails, nor after its time, nor where it cannot be decrypted for a day', async () => {
    const outbox = stage.app.get(MailOutbox);
    const before = stage.mails.length;
    const failing = inTransaction(async (manager) => {
      await outbox.add(manager, { ...mail, subject: 'rolled back' });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await inTransaction((manager) => outbox.add(manager, { ...mail, subject: 'late', until: new Date(0) }));
    await stage.database.dataSource.query(
      `INSERT INTO keys.outbox (effect, key, payload, created_at)
       VALUES ('send-mail', 'given up', 's1.00000000.AAAA', now() - interval '25 hours'),
         ('send-mail', 'tried again', 's1.00000000.AAAA', now())`,
    );
    await inTransaction((manager) => outbox.add(manager, { ...mail, subject: 'the last' }));
    await expect.poll(() => stage.mails.at(-1)?.subject).toBe('the last');
    expect(stage.mails.length).toBe(before + 1);
    await expect
      .poll(() => stage.database.dataSource.query(`SELECT key FROM keys.outbox WHERE effect = 'send-mail'`))
      .toEqual([{ key: 'tried again' }]);
  });
});
