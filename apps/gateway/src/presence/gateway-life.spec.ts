import { mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryAdmission } from '@tollgate/admission';
import { InternalCallError } from '@tollgate/http';
import type { Logger } from '@tollgate/telemetry';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Journal } from '../journal/journal.js';
import { JournaledRequest } from '../journal/journaled-request.js';
import { Shipper } from '../journal/shipper.js';
import { InFlight } from '../request-path/exchange/in-flight.js';
import { Announcer } from './announcer.js';
import { GatewayLife } from './gateway-life.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-life-'));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

/** A gateway without requests, on a bus and a usage-billing that a test breaks. */
async function started({ publish = () => Promise.resolve(), shipped = () => Promise.resolve() } = {}) {
  const said: string[] = [];
  const note = (fields: object, message: string) => void said.push(message);
  const logger = { debug: note, info: note, warn: note, error: note, fatal: note } as unknown as Logger;
  const journal = Journal.open(folder);
  const gateway = { instanceId: 'i', journalId: journal.journalId };
  const [admission, inFlight] = [new MemoryAdmission(), new InFlight()];
  const shipper = new Shipper(journal, { publish }, logger);
  const shippedJournal = vi.fn(shipped);
  const onJournalLost = vi.fn();
  const life = new GatewayLife({
    ...{ admission, gateway, inFlight, journal, logger, shipper, onJournalLost },
    announcer: new Announcer(admission, journal, inFlight, gateway),
    usageBilling: { registerGateway: () => Promise.resolve(), shippedJournal },
  });
  await life.start(() => undefined);
  const serve = async (): Promise<void> => {
    const request = new JournaledRequest('r', 'org');
    await journal.append('I', request, 0, '{}');
    await journal.append('F', request, journal.takeNumber(), '{"requestId":"r"}');
  };
  return { life, journal, said, serve, shippedJournal, onJournalLost };
}
/** Whether the journal keeps records for the next start. */
function keepsRecords(): boolean {
  const journal = Journal.open(folder);
  const found = [...journal.records()].length > 0;
  journal.close(false);
  return found;
}
const never = (): Promise<void> => new Promise(() => undefined);
const refused = (status: number) => (): Promise<void> =>
  Promise.reject(new InternalCallError('/internal/journals/shipped', 'refused', { status, code: null }));

describe('the end of a gateway', () => {
  it('comes when all of its usage is booked, and leaves no record', async () => {
    let book: () => void = () => undefined;
    const { life, journal, serve, shippedJournal } = await started({
      shipped: () => new Promise((resolve) => (book = resolve)),
    });
    await serve();
    let ended = false;
    const end = life.end(50_000, () => undefined).then(() => (ended = true));
    await vi.waitFor(() => expect(shippedJournal).toHaveBeenCalledWith({ journalId: journal.journalId }), {
      timeout: 20_000,
    });
    expect(ended).toBe(false);
    book();
    await end;
    expect(keepsRecords()).toBe(false);
  });

  it('asks nobody if it has served nothing', async () => {
    const { life, shippedJournal } = await started();
    await life.end(50_000, () => undefined);
    expect(shippedJournal).not.toHaveBeenCalled();
  });

  it('does not wait for a usage-billing of the release before, which cannot say what is booked', async () => {
    const { life, serve, said } = await started({ shipped: refused(404) });
    await serve();
    await life.end(50_000, () => undefined);
    expect(keepsRecords()).toBe(false);
    expect(said).toEqual([]);
  });

  it.each([
    // Time enough to ship it.
    ['is not booked in time', 3_000, { shipped: never }, 'is not known to be booked'],
    ['cannot be said to be booked', 50_000, { shipped: refused(503) }, 'is not known to be booked'],
    ['cannot be shipped', 300, { publish: () => Promise.reject(new Error('Kafka is away')) }, 'could not be shipped'],
  ])(
    'comes in time if its usage %s, says so, and leaves the records for the next start',
    async (_, timeoutMs, broken, saying) => {
      const { life, serve, said } = await started(broken);
      await serve();
      await life.end(timeoutMs, (line) => said.push(line));
      expect(said.join('\n')).toContain(saying);
      expect(keepsRecords()).toBe(true);
    },
  );
});

describe('a gateway whose journal was taken from it', () => {
  it('ends, and says why, once', async () => {
    const { life, said, onJournalLost } = await started();
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(onJournalLost).not.toHaveBeenCalled();
    const away = `${folder}.away`;
    renameSync(folder, away);
    await vi.waitFor(() => expect(onJournalLost).toHaveBeenCalled(), { timeout: 20_000 });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(onJournalLost).toHaveBeenCalledOnce();
    expect(said.join('\n')).toContain('removed or taken by another process');
    renameSync(away, folder);
    await life.end(50_000, () => undefined);
    expect(readdirSync(folder)).toContain('journal.json');
  });
});
