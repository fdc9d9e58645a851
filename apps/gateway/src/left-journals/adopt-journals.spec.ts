import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { lookAtFolder } from '@tollgate/folder-lock';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatRecord } from '../journal/records.js';
import type { AdoptJournals } from './adopt-journals.js';
import { finalOf, intentOf, journalCall, settled, Volume } from './left-journals-stage.js';

const [a, b, c] = [1, 2, 3].map((n) => `01a1fd37-6223-754e-9ccb-00000000000${n}`) as [string, string, string];

let volume: Volume;
beforeEach(() => {
  volume = new Volume();
});
afterEach(() => volume.remove());

/** A process that served `a`, was serving `b`, and was killed. */
async function left({ found = true, on = 'elsewhere' } = {}) {
  const { journal, folder } = volume.start();
  await journalCall(journal, a, true);
  await journalCall(journal, b, false);
  volume.kill(journal, on);
  if (found) volume.find(journal.journalId);
  return { journalId: journal.journalId, folder };
}
async function adoptOnce(adoption: AdoptJournals = volume.adoption()): Promise<AdoptJournals> {
  await adoption.look();
  await settled(adoption);
  return adoption;
}
const noteIn = (folder: string): string => readFileSync(join(folder, 'lock.holder'), 'utf8');

describe('a journal whose process is gone', () => {
  it('is shipped under its own id and numbers, with a final for each open request, and removed once it is booked', async () => {
    const { journalId, folder } = await left();
    volume.books.beforeBooked = () => {
      expect(existsSync(folder)).toBe(true);
      expect(volume.books.published.size).toBe(2);
    };
    const adoption = await adoptOnce();
    expect(volume.books.booked(a)).toMatchObject({ journalId, journalNumber: 1, outcome: 'completed' });
    const { outcome, chargeNanoUsd, journalNumber, ...orphan } = volume.books.booked(b);
    expect({ outcome, chargeNanoUsd }).toEqual({ outcome: 'orphaned', chargeNanoUsd: '0' });
    expect(orphan.journalId).toBe(journalId);
    // A power cut may have lost finals of numbers above those that are there.
    expect(journalNumber).toBeGreaterThan(1_000_000);
    expect(volume.journals()).toEqual([]);
    expect({ left: adoption.left, waiting: adoption.waiting, unshipped: adoption.unshipped }).toEqual({
      left: [],
      waiting: 0,
      unshipped: 0,
    });
  });

  it('is claimed from the first look at it, and while it is shipped', async () => {
    const { journalId } = await left({ found: false });
    const adoption = await adoptOnce();
    expect(volume.books.claims).toEqual([journalId]);
    volume.find(journalId);
    let go: () => void = () => undefined;
    volume.books.beforePublish = () => new Promise((resolve) => (go = resolve));
    await adoption.look();
    while (adoption.unshipped === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(adoption).toMatchObject({ adopting: 1, waiting: 0, unshipped: 2 });
    expect(adoption.left[0]!.why).toBe('2 usage events could not be published yet');
    const before = volume.books.claims.length;
    await adoption.look();
    expect(volume.books.claims.length).toBe(before + 1);
    volume.books.beforePublish = () => undefined;
    go();
    await settled(adoption);
    expect(volume.journals()).toEqual([]);
  });

  it.each([
    ['counts as running', () => undefined, 'its process counts as running'],
    ['was not heard of yet', () => volume.books.running.clear(), 'usage-billing has not heard of its process yet'],
    [
      'is not known to a usage-billing of the release before',
      () => void (volume.books.answers = 'of the release before'),
      'usage-billing does not say whether its process is gone',
    ],
    [
      'is not known while usage-billing is away',
      () => void (volume.books.answers = 'away'),
      'usage-billing does not say whether its process is gone',
    ],
  ])('but %s is left alone, although its lock is free', async (_, arrange, why) => {
    const { folder } = await left({ found: false });
    const before = readdirSync(folder).sort();
    arrange();
    const adoption = await adoptOnce();
    await adoptOnce(adoption);
    expect(adoption.left).toEqual([{ folder, why }]);
    expect(adoption.waiting).toBe(1);
    expect(volume.books.published.size).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(before);
    expect(noteIn(folder)).toBe('4711 elsewhere');
  });

  it('but has its lock is left alone, whatever usage-billing says', async () => {
    const { folder } = await left();
    const holder = lookAtFolder(folder)!.take()!;
    const adoption = await adoptOnce();
    expect(adoption).toMatchObject({ left: [], waiting: 0 });
    expect(adoption.inUse).toEqual([{ folder, why: `it is in use by the process ${process.pid}, which ships it` }]);
    expect(volume.books.published.size).toBe(0);
    holder.putBack();
    await adoptOnce(adoption);
    expect(volume.books.published.size).toBe(2);
  });

  it('is shipped by one of two that look at the same moment', async () => {
    await left();
    const two = [volume.adoption(), volume.adoption()];
    await Promise.all(two.map((adoption) => adoptOnce(adoption)));
    await Promise.all(two.map((adoption) => settled(adoption)));
    expect([...volume.books.published.values()].map((texts) => texts.length)).toEqual([1, 1]);
    expect(volume.journals()).toEqual([]);
  });

  it('is put back by one that stops, and shipped by the next', async () => {
    const { folder } = await left();
    volume.books.beforePublish = () => Promise.reject(new Error('Kafka is away'));
    const first = volume.adoption();
    await first.look();
    await first.stop();
    expect(noteIn(folder)).toBe('4711 elsewhere');
    expect(first.adopting).toBe(0);
    volume.books.beforePublish = () => undefined;
    await adoptOnce();
    expect([...volume.books.published.values()].map((texts) => texts.length)).toEqual([1, 1]);
    expect(volume.journals()).toEqual([]);
  });

  it('stays while it is not booked', async () => {
    const { folder } = await left();
    let tries = 0;
    volume.books.beforeBooked = () => {
      tries += 1;
      if (tries === 1) throw new Error('usage-billing is away');
      expect(existsSync(folder)).toBe(true);
    };
    await adoptOnce();
    expect(tries).toBe(2);
    expect(volume.journals()).toEqual([]);
  });

  it('stays if its process comes back meanwhile', async () => {
    const { journalId, folder } = await left();
    volume.books.beforeBooked = () => {
      volume.books.gone.delete(journalId);
      volume.books.running.add(journalId);
    };
    const adoption = await adoptOnce();
    expect(adoption.left).toEqual([{ folder, why: 'it could not be shipped (its process has come back)' }]);
    expect(noteIn(folder)).toBe('4711 elsewhere');
  });

  it('says in its records which one it is, where the file that says so was lost', async () => {
    const { folder } = await left();
    rmSync(join(folder, 'journal.json'));
    await adoptOnce();
    expect(volume.books.published.size).toBe(2);
    expect(volume.journals()).toEqual([]);
  });

  it('and has damaged records is shipped without them; its segment is kept for people', async () => {
    const { journal, folder } = volume.start();
    for (const request of [a, b]) await journalCall(journal, request, true);
    volume.kill(journal);
    volume.find(journal.journalId);
    const segment = join(
      folder,
      readdirSync(folder).find((name) => name.endsWith('.log'))!,
    );
    const text = readFileSync(segment, 'utf8');
    writeFileSync(segment, text.replace(`F ${b}`, `X ${b}`).replace(`I ${b}`, `X ${b}`));
    await adoptOnce();
    expect([...volume.books.published.keys()]).toEqual([a]);
    expect(volume.journals()).toEqual(['damaged']);
    expect(readdirSync(join(volume.folder, 'damaged'))[0]).toMatch(/^journal-segment-\d+-\d+\.log\.damaged$/);
  });

  it('and none of whose records can be read is left to people', async () => {
    const { folder } = await left();
    rmSync(join(folder, 'journal.json'));
    for (const name of readdirSync(folder)) if (name.endsWith('.log')) writeFileSync(join(folder, name), 'junk\n');
    const adoption = await adoptOnce();
    expect(adoption.left).toEqual([{ folder, why: 'none of its records can be read' }]);
  });

  it('and was written by the release before, without checksums, is shipped as well', async () => {
    const { journal, folder } = volume.start();
    volume.kill(journal);
    volume.find(journal.journalId);
    for (const name of readdirSync(folder)) if (name.endsWith('.log')) rmSync(join(folder, name));
    const line = (type: 'I' | 'F', id: string, number: number, value: object) =>
      formatRecord(type, id, 'org', number, JSON.stringify(value)).split('\n')[0];
    const { journalId } = journal;
    const lines = [
      line('I', a, 0, intentOf(journalId, a)),
      line('F', a, 7, finalOf(journalId, a, 7)),
      line('I', b, 0, intentOf(journalId, b)),
    ];
    writeFileSync(join(folder, 'segment-000000000001-1.log'), `${lines.join('\n')}\n`);
    await adoptOnce();
    expect(volume.books.booked(a)).toMatchObject({ journalNumber: 7 });
    expect(volume.books.booked(b)).toMatchObject({ outcome: 'orphaned' });
  });

  it('and has nothing to ship is removed', async () => {
    const { journal } = volume.start();
    volume.kill(journal);
    const adoption = await adoptOnce();
    expect(volume.journals()).toEqual(['journal']);
    volume.find(journal.journalId);
    await adoptOnce(adoption);
    expect(volume.journals()).toEqual([]);
  });
});

describe('a journal of one process', () => {
  it('is called as in the release before on a volume of its own, and is gone on with after a clean stop', async () => {
    const first = volume.start();
    expect(volume.journals()).toEqual(['journal']);
    await journalCall(first.journal, a, true);
    volume.stop(first.journal);
    const second = volume.start();
    expect(second.journal.journalId).toBe(first.journal.journalId);
    expect(volume.journals()).toEqual(['journal']);
  });

  it('is gone on with at once after a kill, on the same host', async () => {
    const { journalId } = await left({ on: hostname(), found: false });
    const next = volume.start();
    expect(next.journal.journalId).toBe(journalId);
    expect([...next.journal.records()].map(({ type }) => type)).toEqual(['I', 'F', 'I']);
  });

  it('is not taken by a process of another host, which makes its own, until its process is gone', async () => {
    const { journalId, folder } = await left({ found: false });
    const other = volume.start();
    expect(other.folder).not.toBe(folder);
    expect(other.journal.journalId).not.toBe(journalId);
    const adoption = volume.adoption(other.folders);
    await adoptOnce(adoption);
    expect(adoption.waiting).toBe(1);
    volume.find(journalId);
    await adoptOnce(adoption);
    expect([...volume.books.published.keys()].sort()).toEqual([a, b]);
    // Its own is never one of those.
    expect(other.journal.isOurs).toBe(true);
    await journalCall(other.journal, c, true);
    expect([...other.journal.records()].map(({ requestId }) => requestId)).toEqual([c, c]);
  });

  it('is each another for processes that run side by side, and as many stay as ran at once', () => {
    const three = [volume.start(), volume.start(), volume.start()];
    expect(new Set(three.map(({ folder }) => folder)).size).toBe(3);
    for (const { journal } of three) volume.stop(journal);
    const again = [volume.start(), volume.start(), volume.start()];
    expect(new Set(again.map(({ journal }) => journal.journalId))).toEqual(
      new Set(three.map(({ journal }) => journal.journalId)),
    );
  });

  it('which was left in order with nothing to ship is kept for the next start', async () => {
    const { journal } = volume.start();
    volume.stop(journal);
    volume.find(journal.journalId);
    const adoption = await adoptOnce();
    expect(volume.books.claims).toEqual([]);
    expect(adoption.left).toEqual([]);
    expect(volume.journals()).toEqual(['journal']);
  });
});

describe('what is on a volume and is no journal', () => {
  it('is neither opened, nor locked, nor removed', async () => {
    const strange = [
      'lost+found',
      'journals/lost+found',
      `journals/${randomUUID()}.damaged`,
      'journals/..data',
      'other/journal',
    ];
    for (const name of strange) mkdirSync(join(volume.folder, name), { recursive: true });
    writeFileSync(join(volume.folder, 'journals', randomUUID()), 'a file');
    mkdirSync(join(volume.folder, 'elsewhere'));
    symlinkSync(join(volume.folder, 'elsewhere'), join(volume.folder, 'journals', randomUUID()));
    const own = volume.start();
    expect(own.folder).toBe(join(volume.folder, 'journal'));
    const adoption = await adoptOnce(volume.adoption(own.folders));
    expect(adoption.left).toEqual([]);
    for (const name of [...strange, 'elsewhere']) expect(readdirSync(join(volume.folder, name)), name).toEqual([]);
  });

  it('is removed if it is what a kill left of a journal that was being removed', async () => {
    const remains = [`journal.${randomUUID()}.removed`, `journals/${randomUUID()}.${randomUUID()}.removed`];
    for (const name of remains) mkdirSync(join(volume.folder, name), { recursive: true });
    mkdirSync(join(volume.folder, 'mine.removed'));
    await adoptOnce();
    expect(volume.journals()).toEqual(['mine.removed']);
  });
});

describe('journals of processes that are killed at any moment, adopters too', () => {
  const life = fc.record({
    calls: fc.array(fc.boolean(), { maxLength: 4 }),
    on: fc.constantFrom('elsewhere', hostname()),
  });
  const fault = fc.constantFrom('none', 'bus', 'killed', 'killed while it wrote', 'killed before it was booked');

  it('are booked whole: each request once, with one content, and nothing stays', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(life, { minLength: 1, maxLength: 4 }),
        fc.array(fault, { maxLength: 6 }),
        async (lives, faults) => {
          const { books } = (volume = replaced(volume));
          const asked: string[] = [];
          for (const { calls, on } of lives) {
            const { journal } = volume.start();
            for (const ended of calls) {
              const requestId = randomUUID();
              asked.push(requestId);
              await journalCall(journal, requestId, ended);
            }
            volume.kill(journal, on);
            volume.find(journal.journalId);
          }
          for (const each of [...faults, 'none']) await adoptWith(each);
          expect(volume.journals()).toEqual([]);
          expect([...books.published.keys()].sort()).toEqual(asked.sort());
          for (const texts of books.published.values()) expect(new Set(texts).size).toBe(1);
        },
      ),
      { numRuns: 40 },
    );
  });

  function replaced(before: Volume): Volume {
    before.remove();
    return new Volume();
  }

  /** An adopter that meets a fault, and leaves the volume as that does. */
  async function adoptWith(fault: string): Promise<void> {
    const { books } = volume;
    const known = new Set(segmentsOn(volume));
    const adoption = volume.adoption();
    const kill = () => {
      void adoption.stop();
      throw new Error('killed');
    };
    books.beforePublish = fault.startsWith('killed') && !fault.endsWith('booked') ? kill : () => undefined;
    if (fault === 'bus') {
      let failures = 1;
      books.beforePublish = () => {
        if (failures-- > 0) throw new Error('Kafka is away');
      };
    }
    books.beforeBooked = fault.endsWith('booked') ? kill : () => undefined;
    await adoption.look();
    await settled(adoption);
    await adoption.stop();
    if (fault !== 'killed while it wrote') return;
    // Nothing of it was published: the segment that it was writing may end anywhere.
    for (const path of segmentsOn(volume))
      if (!known.has(path)) truncateSync(path, Math.floor(readFileSync(path).length / 2));
  }

  const segmentsOn = ({ folder, journals }: Volume): string[] =>
    journals
      .call(volume)
      .filter((name) => name.startsWith('journal'))
      .flatMap((name) => readdirSync(join(folder, name)).map((file) => join(folder, name, file)))
      .filter((path) => path.endsWith('.log'));
});
