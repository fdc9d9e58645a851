import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { FolderLockedError } from '@tollgate/folder-lock';
import type { BusMessage } from '@tollgate/bus';
import { usageRecorded, type UsageRecordedV1 } from '@tollgate/contracts';
import { createLogger } from '@tollgate/telemetry';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Journal } from './journal.js';
import { JournaledRequest } from './journaled-request.js';
import type { Intent } from './records.js';
import { endOrphans } from './recover.js';
import { Shipper } from './shipper.js';

let folder: string;
const open: Journal[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-journal-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  for (const journal of open.splice(0)) journal.close(false);
  rmSync(folder, { recursive: true, force: true });
});

function openJournal(): Journal {
  const journal = Journal.open(folder);
  open.push(journal);
  return journal;
}
/** Leaves the journal as a kill would: nothing is tidied up, and the lock is free. */
function abandon(journal: Journal): void {
  open.splice(open.indexOf(journal), 1);
  journal.close(false);
}
const final = (journal: Journal, requestId: string, organizationId = 'org'): Promise<boolean> =>
  journal.append(
    'F',
    new JournaledRequest(requestId, organizationId),
    journal.takeNumber(),
    JSON.stringify({ requestId }),
  );
const intended = async (journal: Journal, requestId: string, json: string): Promise<JournaledRequest> => {
  const request = new JournaledRequest(requestId, 'org');
  await journal.append('I', request, 0, json);
  return request;
};
const segments = (): string[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith('segment-'))
    .sort();
const removeSegments = (): void => segments().forEach((name) => rmSync(join(folder, name)));
const silent = createLogger({ service: 'test', level: 'silent' });

describe('a journal', () => {
  it('has on disk what it said it has, in one write for all records of a turn', async () => {
    const journal = openJournal();
    await Promise.all([intended(journal, 'r1', '{}'), intended(journal, 'r2', '{}')]);
    expect([...journal.records()].map(({ requestId }) => requestId)).toEqual(['r1', 'r2']);
  });

  it('waits for the records of other open requests, for some turns, and for nobody where there are none', async () => {
    const journal = openJournal();
    const taken: string[] = [];
    const end = (request: JournaledRequest): Promise<unknown> =>
      journal.append('F', request, journal.takeNumber(), '{}').then(() => taken.push(request.requestId));
    const one = await intended(journal, 'r1', '{}');
    void end(one);
    await turn();
    expect(taken).toEqual(['r1']);

    const [two, three, four] = await Promise.all(['r2', 'r3', 'r4'].map((id) => intended(journal, id, '{}')));
    void end(two!);
    await turn();
    void end(three!);
    await turn();
    expect(taken).toEqual(['r1']);
    void end(four!);
    await turn();
    expect(taken).toEqual(['r1', 'r2', 'r3', 'r4']);

    // An open request that writes nothing more must not delay the others.
    await intended(journal, 'r5', '{}');
    await intended(journal, 'r6', '{}').then(end);
    expect(taken.at(-1)).toBe('r6');
  });

  it('reads back a record whatever characters its JSON holds', async () => {
    const journal = openJournal();
    const json = JSON.stringify({ model: 'a\u2028b\u2029c\u0085\u{1F9FF}' });
    await journal.append('F', new JournaledRequest('r1', 'org'), journal.takeNumber(), json);
    expect([...journal.records()].map((record) => record.json)).toEqual([json]);
  });

  it('keeps its identity and goes on numbering in the next life', async () => {
    const first = openJournal();
    await final(first, 'r1');
    await final(first, 'r2');
    const { journalId } = first;
    abandon(first);
    const second = openJournal();
    expect(second.journalId).toBe(journalId);
    expect(second.takeNumber()).toBeGreaterThanOrEqual(3);
  });

  it('goes on numbering after a clean end that left no record', async () => {
    const first = openJournal();
    await final(first, 'r1');
    open.pop();
    first.close(true);
    const second = openJournal();
    expect([...second.records()]).toEqual([]);
    expect(second.takeNumber()).toBeGreaterThanOrEqual(2);
  });

  // A final under a number that the ledger has booked would be taken for booked: it would never count against a limit.
  describe.each<[string, (newest: string) => void]>([
    ['the last record of it', (newest) => truncateSync(newest, readFileSync(newest).lastIndexOf(10, -2) + 1)],
    ['the newest segment', (newest) => rmSync(newest)],
    ['what the newest segment held', (newest) => truncateSync(newest)],
    ['all segments', () => removeSegments()],
  ])('of which a power cut or a hand took %s', (_, take) => {
    it.each([1, 3])('gives no number twice, %s lives later', async (lives) => {
      const given = new Set<string>();
      for (let life = 0; life <= lives; life++) {
        const journal = openJournal();
        for (let n = 0; n < 30; n++) {
          const number = journal.takeNumber();
          const name = `${journal.journalId} ${number}`;
          expect(given).not.toContain(name);
          given.add(name);
          await journal.append(
            'F',
            new JournaledRequest(`r${life}-${n}`, 'org'),
            number,
            JSON.stringify({ text: 'x'.repeat(600_000) }),
          );
        }
        abandon(journal);
        take(join(folder, segments().at(-1)!));
      }
    });
  });

  it('gives no number twice where nothing is left of a life but the one before it', async () => {
    const given = new Set<number>();
    const live = async (): Promise<Journal> => {
      const journal = openJournal();
      for (let n = 0; n < 3; n++) {
        const number = journal.takeNumber();
        expect(given).not.toContain(number);
        given.add(number);
        await journal.append('F', new JournaledRequest(`r${given.size}`, 'org'), number, '{}');
      }
      return journal;
    };
    abandon(await live());
    const before = segments();
    const { journalId } = openJournal();
    abandon(open.at(-1)!);
    for (let life = 0; life < 3; life++) {
      abandon(await live());
      // Simulates a power cut in the journal's first second: neither data nor folder entries have reached the disk.
      for (const name of segments()) if (!before.includes(name)) rmSync(join(folder, name));
    }
    const last = openJournal();
    expect([last.journalId, last.isBereft]).toEqual([journalId, false]);
    expect(given).not.toContain(last.takeNumber());
  });

  it('says that its records are gone, once, and begins anew', async () => {
    const first = openJournal();
    await final(first, 'r1');
    const { journalId } = first;
    expect(first.isBereft).toBe(false);
    abandon(first);
    removeSegments();
    const second = openJournal();
    expect(second.isBereft).toBe(true);
    expect(second.journalId).not.toBe(journalId);
    abandon(second);
    const third = openJournal();
    expect(third.isBereft).toBe(false);
    expect(third.journalId).toBe(second.journalId);
  });

  it('is one process’s at a time', () => {
    openJournal();
    expect(() => Journal.open(folder)).toThrow(FolderLockedError);
  });

  it('passes over a torn line and keeps what stands before and after it', async () => {
    const first = openJournal();
    await final(first, 'r1');
    const path = join(
      folder,
      readdirSync(folder)
        .filter((name) => name.endsWith('.log'))
        .sort()
        .at(-1)!,
    );
    abandon(first);
    appendFileSync(path, 'F r2 org 2 {"half');
    const second = openJournal();
    await final(second, 'r3');
    expect([...second.records()].map(({ requestId }) => requestId)).toEqual(['r1', 'r3']);
  });

  it('finds the finals of one organisation above a number', async () => {
    const journal = openJournal();
    for (const [requestId, organizationId] of [
      ['r1', 'a'],
      ['r2', 'b'],
      ['r3', 'a'],
      ['r4', 'a'],
    ] as const)
      await final(journal, requestId, organizationId);
    expect(journal.finalsAfter(1, 'a').map(({ requestId }) => requestId)).toEqual(['r3', 'r4']);
  });
});

describe('what the last life left', () => {
  const intent = (requestId: string, holdNanoUsd: string | null): Intent => ({
    event: {
      eventVersion: 1,
      requestId,
      organizationId: 'org',
      apiKeyId: 'key',
      journalId: 'j',
      route: 'm',
      provider: 'p',
      model: 'm',
      stream: true,
      holdNanoUsd,
      accounts: [{ accountId: 'key:key', capNanoUsd: holdNanoUsd }],
      priceVersion: 'v',
      startedAt: '2026-11-21T00:00:00.000Z',
      clientAddress: '127.0.0.1',
    },
    inputTokensEstimate: 100,
    inputNanoUsdPerMillion: '1000000000',
    outputNanoUsdPerMillion: '2000000000',
  });
  const now = '2026-11-21T00:01:00.000Z';
  const [plain, moved, beyond, ended] = [1, 2, 3, 4].map((n) => `01a1fd37-6223-754e-9ccb-00000000000${n}`) as [
    string,
    string,
    string,
    string,
  ];
  const finalOf = (requestId: string, journalNumber: number): string =>
    JSON.stringify({
      ...intent(requestId, null).event,
      journalNumber,
      outcome: 'completed',
      inputTokens: 1,
      outputTokens: 1,
      cachedInputTokens: 0,
      reasoningTokens: 0,
      usageSource: 'provider',
      costNanoUsd: '3',
      chargeNanoUsd: '3',
      endedAt: now,
    });

  it('is charged by its last progress, at most its hold, and nothing without one', async () => {
    const first = openJournal();
    await intended(first, plain, JSON.stringify(intent(plain, '900000')));
    const movedRequest = await intended(first, moved, JSON.stringify(intent(moved, '900000')));
    await first.append('P', movedRequest, 0, '{"outputTokens":10}');
    await first.append('P', movedRequest, 0, '{"outputTokens":50}');
    const beyondRequest = await intended(first, beyond, JSON.stringify(intent(beyond, '150000')));
    await first.append('P', beyondRequest, 0, '{"outputTokens":50}');
    const endedRequest = await intended(first, ended, JSON.stringify(intent(ended, null)));
    await first.append('F', endedRequest, first.takeNumber(), finalOf(ended, 1));
    abandon(first);

    const { finals, unreadable } = await endOrphans(openJournal(), now);
    const charges = Object.fromEntries(
      finals.map(({ requestId, outcome, chargeNanoUsd, costNanoUsd }) => [
        requestId,
        { outcome, chargeNanoUsd, costNanoUsd },
      ]),
    );
    expect(charges).toEqual({
      [ended]: { outcome: 'completed', chargeNanoUsd: '3', costNanoUsd: '3' },
      [plain]: { outcome: 'orphaned', chargeNanoUsd: '0', costNanoUsd: '0' },
      [moved]: { outcome: 'orphaned', chargeNanoUsd: '200000', costNanoUsd: '200000' },
      [beyond]: { outcome: 'orphaned', chargeNanoUsd: '150000', costNanoUsd: '200000' },
    });
    const numbers = finals.map(({ journalNumber }) => journalNumber);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(unreadable).toBe(0);
  });

  it('is ended in the version in which it was begun', async () => {
    const { event, ...priced } = intent(moved, '150000');
    const second = {
      ...priced,
      event: {
        ...event,
        eventVersion: 2,
        accounts: [{ accountId: 'key:key', capNanoUsd: '150000', kind: null, cycle: null }],
        secretId: 's',
        projectId: null,
        memberId: null,
        groupIds: null,
        routeGroupId: null,
      },
    };
    const first = openJournal();
    await intended(first, plain, JSON.stringify(intent(plain, null)));
    const request = await intended(first, moved, JSON.stringify(second));
    await first.append('P', request, 0, '{"outputTokens":50}');
    abandon(first);
    const { finals, unreadable } = await endOrphans(openJournal(), now);
    expect(unreadable).toBe(0);
    expect(finals.map(({ eventVersion }) => eventVersion)).toEqual([1, 2]);
    // Each is an event of its version, and the lines of the second add up to its cost.
    expect(finals.map((event) => usageRecorded.parse(event))).toEqual(finals);
    expect(finals[1]).toMatchObject({
      ...second.event,
      outcome: 'orphaned',
      costNanoUsd: '200000',
      chargeNanoUsd: '150000',
      textInputTokens: 100,
      textOutputTokens: 50,
      priceLines: [
        {
          class: 'text_input',
          model: null,
          tool: null,
          quantity: 100,
          nanoUsdPerMillion: '1000000000',
          nanoUsd: '100000',
        },
        {
          class: 'text_output',
          model: null,
          tool: null,
          quantity: 50,
          nanoUsdPerMillion: '2000000000',
          nanoUsd: '100000',
        },
      ],
    });
  });

  describe.each([
    {
      file: 'segment.txt',
      version: 2,
      ended: [
        ['completed', '333150'],
        ['orphaned', '0'],
        ['orphaned', '802200'],
      ],
    },
    {
      file: 'segment-of-version-1.txt',
      version: 1,
      ended: [
        ['completed', '450000'],
        ['orphaned', '45000'],
        ['orphaned', '0'],
      ],
    },
  ])('by a gateway of the release before, with events of version $version', ({ file, version, ended: expected }) => {
    it('is ended as that one would have ended it', async () => {
      const lines = new URL(`../../../../test/contract/releases/2026-11-29-3/journal/${file}`, import.meta.url);
      copyFileSync(lines, join(folder, 'segment-000000000001-00000000000000001.log'));
      const journal = openJournal();
      const { finals, unreadable } = await endOrphans(journal, now);
      expect(unreadable).toBe(0);
      expect(finals.map(({ outcome, chargeNanoUsd }) => [outcome, chargeNanoUsd])).toEqual(expected);
      expect(finals.map((event) => usageRecorded.parse(event).eventVersion)).toEqual(Array(3).fill(version));
      const published: [string, string][] = [];
      const publish = async (topic: string, messages: readonly BusMessage[]) =>
        void published.push(...messages.map(({ value }): [string, string] => [topic, value.toString()]));
      const shipper = new Shipper(journal, { publish }, silent);
      shipper.start();
      await shipper.caughtUp();
      shipper.close();
      expect(published.map(([topic]) => topic)).toEqual(Array(3).fill(`usage.recorded.v${version}`));
      // What the release before wrote goes out as it wrote it, to the last byte.
      expect(readFileSync(lines, 'utf8')).toContain(` ${published[0]![1]}\n`);
    });
  });

  it('is ended once, however often the process is killed after that', async () => {
    const first = openJournal();
    await intended(first, plain, JSON.stringify(intent(plain, null)));
    abandon(first);
    const second = openJournal();
    const { finals: ended } = await endOrphans(second, now);
    expect(ended.map(({ requestId }) => requestId)).toEqual([plain]);
    abandon(second);
    const { finals } = await endOrphans(openJournal(), now);
    expect(finals).toEqual(ended);
  });

  it('is read past what a power cut made of it', async () => {
    const first = openJournal();
    await intended(first, plain, JSON.stringify(intent(plain, null)));
    const path = join(
      folder,
      readdirSync(folder)
        .filter((name) => name.endsWith('.log'))
        .sort()
        .at(-1)!,
    );
    abandon(first);
    const oops = `I a b 0 {oops}\nF ${ended} org 1 {"oops":1}\nI x y 0 {\0\0\0}\n\0\0\n`;
    appendFileSync(path, oops);
    const second = openJournal();
    expect(second.counts().damagedBytes).toBe(oops.length);
    const { finals, unreadable } = await endOrphans(second, now);
    expect(finals.map(({ requestId }) => requestId)).toEqual([plain]);
    expect(unreadable).toBe(0);
    abandon(second);

    // The release before wrote no checksums: only text that is no JSON of its kind can be detected there.
    writeFileSync(join(folder, 'segment-000000000000-1.log'), oops);
    expect((await endOrphans(openJournal(), now)).unreadable).toBe(3);
  });

  it('has a new identity where a power cut emptied the file of the old one', () => {
    const first = openJournal();
    const { journalId } = first;
    abandon(first);
    writeFileSync(join(folder, 'journal.json'), '');
    expect(openJournal().journalId).not.toBe(journalId);
  });
});

describe('the shipper', () => {
  const large = (journal: Journal, requestId: string): Promise<boolean> =>
    journal.append(
      'F',
      new JournaledRequest(requestId, 'org'),
      journal.takeNumber(),
      JSON.stringify({ text: 'x'.repeat(600_000) }),
    );
  /** Records that are more than one segment holds. */
  const SEGMENTFUL = 15;

  it('publishes finals in order and again until the bus takes them', async () => {
    const journal = openJournal();
    const published: string[] = [];
    let refusals = 2;
    const bus = {
      publish: async (_topic: string, messages: readonly BusMessage[]) => {
        if (refusals-- > 0) throw new Error('the bus is away');
        published.push(...messages.map(({ value }) => (JSON.parse(value.toString()) as UsageRecordedV1).requestId));
      },
    };
    const shipper = new Shipper(journal, bus, silent);
    shipper.start();
    await intended(journal, 'r1', '{}');
    for (const requestId of ['r1', 'r2', 'r3']) await final(journal, requestId);
    await shipper.caughtUp();
    expect(published).toEqual(['r1', 'r2', 'r3']);
    await final(journal, 'r4');
    await shipper.caughtUp();
    expect(published).toEqual(['r1', 'r2', 'r3', 'r4']);
    shipper.close();
  });

  it('publishes each final to the topic of the version that it was written in', async () => {
    const journal = openJournal();
    const texts = ['{"eventVersion":1,"a":2}', '{"eventVersion":2,"a":1}', '{"eventVersion":1}', '{"eventVersion":20}'];
    for (const [number, text] of texts.entries())
      await journal.append('F', new JournaledRequest(`r${number}`, 'org'), journal.takeNumber(), text);
    const published: [string, string][] = [];
    const publish = async (topic: string, messages: readonly BusMessage[]) =>
      void published.push(...messages.map(({ value }): [string, string] => [topic, value.toString()]));
    const shipper = new Shipper(journal, { publish }, silent);
    shipper.start();
    await shipper.caughtUp();
    shipper.close();
    // A version that nobody knows is left to the ledger's quarantine.
    expect(published).toEqual([
      ['usage.recorded.v1', texts[0]],
      ['usage.recorded.v1', texts[2]],
      ['usage.recorded.v1', texts[3]],
      ['usage.recorded.v2', texts[1]],
    ]);
  });

  it('tells when all that was written before is acknowledged, whatever is written meanwhile', async () => {
    const journal = openJournal();
    const published: string[] = [];
    const acknowledge: (() => void)[] = [];
    const bus = {
      publish: (_topic: string, messages: readonly BusMessage[]) => {
        published.push(...messages.map(({ value }) => (JSON.parse(value.toString()) as UsageRecordedV1).requestId));
        return new Promise<void>((resolve) => acknowledge.push(resolve));
      },
    };
    const shipper = new Shipper(journal, bus, silent);
    await shipper.flush();
    await final(journal, 'r1');
    let flushed = false;
    const flush = shipper.flush().then(() => (flushed = true));
    await vi.waitUntil(() => acknowledge.length === 1, { timeout: 20_000 });
    // This one was asked for while r1 was on its way, and waits for r2 as well.
    await final(journal, 'r2');
    const later = shipper.flush();
    expect(flushed).toBe(false);
    acknowledge[0]!();
    await flush;
    await vi.waitUntil(() => acknowledge.length === 2, { timeout: 20_000 });
    await final(journal, 'r3');
    acknowledge[1]!();
    await later;
    expect(published.slice(0, 2)).toEqual(['r1', 'r2']);
    shipper.close();
    // r3 is left to the next life: nobody may be told that it is on the bus.
    await expect(shipper.flush()).rejects.toThrow('closed');
  });

  it('ships in the next life what the bus never acknowledged', async () => {
    const first = openJournal();
    await final(first, 'r1');
    abandon(first);
    const second = openJournal();
    const published: string[] = [];
    const shipper = new Shipper(
      second,
      { publish: async (_topic, messages) => void published.push(...messages.map(({ value }) => value.toString())) },
      silent,
    );
    shipper.start();
    await shipper.caughtUp();
    expect(published).toEqual(['{"requestId":"r1"}']);
    shipper.close();
  });

  it('lets go of segments it has shipped, and of none with an open intent', async () => {
    const journal = openJournal();
    const shipper = new Shipper(journal, { publish: async () => undefined }, silent);
    shipper.start();
    await intended(journal, 'open', '{}');
    for (let i = 0; i < 30; i++) await large(journal, `r${i}`);
    await shipper.caughtUp();
    shipper.close();
    expect(journal.segments().length).toBeGreaterThan(1);
    open.pop();
    journal.close(true);
    const left = readdirSync(folder)
      .filter((name) => name.endsWith('.log'))
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('');
    expect(left).toContain('I open org');
  });

  it('keeps the segments that an open request needs, wherever its intent and its newest progress came to stand, until its final is written', async () => {
    const journal = openJournal();
    const shipper = new Shipper(journal, { publish: async () => undefined }, silent);
    shipper.start();
    for (let i = 0; i < SEGMENTFUL; i++) await large(journal, `before${i}`);
    // The first record after a segment is full begins the next one.
    const request = await intended(journal, 'open', '{}');
    for (let i = 0; i < SEGMENTFUL; i++) await large(journal, `between${i}`);
    await journal.append('P', request, 0, '{"outputTokens":7}');
    for (let i = 0; i < 2 * SEGMENTFUL; i++) await large(journal, `after${i}`);
    const kept = async (): Promise<string[]> => {
      await shipper.caughtUp();
      const now = performance.now();
      vi.spyOn(performance, 'now').mockReturnValue(now + 61_000);
      await large(journal, 'last');
      await shipper.caughtUp();
      return [...journal.records()]
        .map(({ type, requestId }) => `${type} ${requestId}`)
        .filter((record) => record.endsWith(' open') || record.endsWith('before0'));
    };
    expect(await kept()).toEqual(['I open', 'P open']);
    await final(journal, 'unrelated');
    await journal.append('F', request, journal.takeNumber(), '{}');
    for (let i = 0; i < SEGMENTFUL; i++) await large(journal, `end${i}`);
    vi.restoreAllMocks();
    expect((await kept()).filter((record) => record !== 'F open')).toEqual([]);
    await vi.waitFor(
      () => expect(readdirSync(folder).filter((name) => name.endsWith('.log'))).toHaveLength(journal.segments().length),
      { timeout: 20_000 },
    );
    shipper.close();
  });
});
