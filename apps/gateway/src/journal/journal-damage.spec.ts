import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BusMessage } from '@tollgate/bus';
import { createLogger } from '@tollgate/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal } from './journal.js';
import { JournaledRequest } from './journaled-request.js';
import { readLines } from './read-lines.js';
import type { JournalRecord, RecordType } from './records.js';
import { Shipper } from './shipper.js';

/**
 * Copied from the release before, which knew no checksums: how it read a line, and how it took a final out to ship it.
 */
const LINE_BEFORE = /^([IPF]) (\S+) (\S+) (\d+) (\{.*\})$/s;

const silent = createLogger({ service: 'test', level: 'silent' });
let folder: string;
const open: Journal[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-journal-damage-'));
});
afterEach(() => {
  for (const journal of open.splice(0)) journal.close(false);
  rmSync(folder, { recursive: true, force: true });
});

function openJournal(): Journal {
  const journal = Journal.open(folder);
  open.push(journal);
  return journal;
}

/** A record as it stands on disk: its line and that of its checksum. */
interface Written {
  readonly start: number;
  readonly end: number;
  readonly line: string;
}

/** Writes records of all kinds and ends. Returns the segment's file and the place of each record in it. */
async function writeJournal(count: number): Promise<{ path: string; bytes: Buffer; records: Written[] }> {
  const journal = openJournal();
  for (let n = 0; n < count; n++) {
    const type: RecordType = (['I', 'F', 'P', 'F'] as const)[n % 4]!;
    const json = JSON.stringify({
      requestId: `r${n}`,
      chargeNanoUsd: String(10_000_000 + n),
      model: `mo F r1 org 1 {del\u2028 ü${n}`,
    });
    await journal.append(type, new JournaledRequest(`r${n}`, 'org'), type === 'F' ? journal.takeNumber() : 0, json);
  }
  end(journal);
  const path = segments().at(-1)!;
  const bytes = readFileSync(path);
  const records: Written[] = [];
  for (let start = 0; start < bytes.length;) {
    const lineEnd = bytes.indexOf('\n', start);
    const end = bytes.indexOf('\n', lineEnd + 1) + 1;
    records.push({ start, end, line: bytes.toString('utf8', start, lineEnd) });
    start = end;
  }
  return { path, bytes, records };
}

function end(journal: Journal): void {
  open.splice(open.indexOf(journal), 1);
  journal.close(false);
}

const segments = (): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => join(folder, name));

/** Opens the journal again and returns what it finds. */
function nextLife(): { lines: string[]; damagedBytes: number } {
  const journal = openJournal();
  const lines = [...journal.records()].map(lineOf);
  const { damagedBytes } = journal.counts();
  end(journal);
  return { lines, damagedBytes };
}

const lineOf = ({ type, requestId, organizationId, number, json }: JournalRecord): string =>
  `${type} ${requestId} ${organizationId} ${number} ${json}`;

/** Returns the records that a journal ships. */
async function shippedBy(journal: Journal): Promise<string[]> {
  const shipped: string[] = [];
  const publish = async (_topic: string, messages: readonly BusMessage[]) =>
    void shipped.push(...messages.map(({ value }) => value.toString()));
  const shipper = new Shipper(journal, { publish }, silent);
  shipper.start();
  await shipper.caughtUp();
  shipper.close();
  return shipped;
}

const isFinal = (line: string): boolean => line.startsWith('F ');
const jsonOf = (line: string): string => line.slice(line.indexOf('{'));
/** Ships only every 15th damaged journal, because each shipment waits for its linger time. */
const SHIPPED_EACH = 15;

/** A random number generator that a seed repeats (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Damages the bytes in one way. Returns which of the original bytes are untouched, as ranges that moved together. */
function damage(
  bytes: Buffer,
  random: (below: number) => number,
): { bytes: Buffer; touched: [number, number]; kind: string } {
  const at = random(bytes.length);
  const size = 1 + random([1, 12, 400, 3_000][random(4)]!);
  const to = Math.min(bytes.length, at + size);
  const damaged = Buffer.from(bytes);
  switch (random(5)) {
    case 0:
      damaged[at] = (damaged[at]! + 1 + random(255)) & 0xff;
      return { bytes: damaged, touched: [at, at + 1], kind: 'changed' };
    case 1:
      damaged.fill(0, at, to);
      return { bytes: damaged, touched: [at, to], kind: 'zeroed' };
    case 2:
      return { bytes: Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]), touched: [at, to], kind: 'cut out' };
    case 3:
      return { bytes: bytes.subarray(0, at), touched: [at, bytes.length], kind: 'cut off' };
    default: {
      // Replaces a digit by another digit, so that the JSON stays valid.
      const digits = [...bytes.keys()].filter((place) => bytes[place]! >= 0x30 && bytes[place]! <= 0x39);
      const place = digits[random(digits.length)]!;
      damaged[place] = 0x30 + ((damaged[place]! - 0x30 + 1 + random(9)) % 10);
      return { bytes: damaged, touched: [place, place + 1], kind: 'another digit' };
    }
  }
}

describe('a damaged journal', () => {
  it('gives every record that is not damaged, none that is, ships no changed number, and counts the damage', async () => {
    const { path, bytes, records } = await writeJournal(40);
    const whole = new Set(records.map(({ line }) => line));
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = randomFrom(seed);
    for (let round = 0; round < 300; round++) {
      for (const each of segments()) rmSync(each);
      const done = damage(bytes, random);
      writeFileSync(path, done.bytes);
      const [from, to] = done.touched;
      const what = `seed ${seed}, round ${round}: ${done.kind} ${from} to ${to}`;
      const isTouched = ({ start, end }: Written): boolean => start < to && end > from;
      const found = nextLife();
      for (const line of found.lines) expect(whole, what).toContain(line);
      expect(new Set(found.lines), what).toEqual(
        new Set([...found.lines, ...records.filter((record) => !isTouched(record)).map(({ line }) => line)]),
      );
      if (round % SHIPPED_EACH === 0)
        expect(await shippedBy(openJournal()), what).toEqual(found.lines.filter(isFinal).map(jsonOf));
      open.splice(0).forEach((journal) => journal.close(false));
      // A cut from the beginning of one record to the beginning of another leaves no trace. A cut at the end may be a
      // crash's, and so may a cut after which the same bytes are left.
      const leavesNone = done.bytes.equals(bytes.subarray(0, done.bytes.length));
      // Different cuts can leave the same bytes, so compare what is left, not the place of the cut.
      const isAtEdges = records.some(
        ({ start }) =>
          done.bytes.equals(Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + to - from)])) &&
          records.some(({ end }) => end === start + to - from),
      );
      if (leavesNone || (done.kind === 'cut out' && isAtEdges)) continue;
      expect(found.damagedBytes, what).toBeGreaterThan(0);
    }
  });

  it('is counted where a cut leaves nothing of the last record but its end', async () => {
    const { bytes, records } = await writeJournal(2);
    const { start } = records[1]!;
    for (let from = start + 1; from < bytes.length; from++) {
      for (let to = from + 1; to < bytes.length; to++) {
        const left = Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
        if (left.equals(bytes.subarray(0, left.length))) continue;
        let counted = 0;
        const read = { bytes: left, length: left.length, checked: true, atEnd: true };
        readLines(
          read,
          () => undefined,
          (damaged) => (counted += damaged),
        );
        expect(counted, `${from} to ${to} cut out`).toBeGreaterThan(0);
      }
    }
  });

  it('is counted where the zeros run through the last records, up to any of the bytes at the end', async () => {
    const { path, bytes, records } = await writeJournal(3);
    for (let end = bytes.length; end > bytes.length - 12; end--) {
      for (const each of segments()) rmSync(each);
      writeFileSync(path, Buffer.from(bytes).fill(0, records[1]!.end - 20, end));
      const { lines, damagedBytes } = nextLife();
      expect([lines.length, damagedBytes > 0], `zeros up to ${bytes.length - end} bytes before the end`).toEqual([
        1,
        true,
      ]);
    }
  });

  it('is no alarm where a crash cut off its last record, wherever', async () => {
    const { path, bytes, records } = await writeJournal(3);
    for (let length = records[1]!.end; length <= bytes.length; length++) {
      for (const each of segments()) rmSync(each);
      writeFileSync(path, bytes.subarray(0, length));
      const { lines, damagedBytes } = nextLife();
      expect([lines.length, damagedBytes], `${length} bytes`).toEqual([length >= bytes.length - 1 ? 3 : 2, 0]);
    }
  });

  it('is kept for people to look at when the rest of it is shipped, and said with its file and bytes', async () => {
    const { path, bytes, records } = await writeJournal(8);
    bytes.fill(0, records[3]!.start, records[5]!.end);
    writeFileSync(path, bytes);
    const journal = openJournal();
    const said: [string, number][] = [];
    journal.onDamage(({ path: of }, count) => said.push([of, count]));
    expect(said).toEqual([[path, records[5]!.end - records[3]!.start]]);
    for (const { requestId, type } of [...journal.records()])
      if (type === 'I') await journal.append('F', journal.requestOf(requestId, 'org'), journal.takeNumber(), '{}');
    open.pop();
    journal.close(true);
    expect(
      readdirSync(folder)
        .filter((name) => name.endsWith('.damaged'))
        .map((name) => readFileSync(join(folder, name))),
    ).toEqual([bytes]);
    expect(nextLife().damagedBytes).toBe(0);
  });

  it('is seen when its process ships it, too', async () => {
    const journal = openJournal();
    await journal.append('F', new JournaledRequest('r1', 'org'), journal.takeNumber(), '{"chargeNanoUsd":"100"}');
    await journal.append('F', new JournaledRequest('r2', 'org'), journal.takeNumber(), '{"chargeNanoUsd":"200"}');
    const path = segments().at(-1)!;
    writeFileSync(path, readFileSync(path, 'utf8').replace('100', '900'));
    expect(await shippedBy(journal)).toEqual(['{"chargeNanoUsd":"200"}']);
    expect(journal.counts().damagedBytes).toBeGreaterThan(0);
  });
});

describe('a journal and the release before', () => {
  it('is read by it to the last record: it passes over the lines of checksums', async () => {
    const { path, bytes, records } = await writeJournal(12);
    const read = bytes
      .toString('utf8')
      .split('\n')
      .filter((line) => LINE_BEFORE.test(line));
    expect(read).toEqual(records.map(({ line }) => line));
    expect(
      bytes
        .toString('utf8')
        .split('\n')
        .filter((line) => line.startsWith('F '))
        .every((line) => line.endsWith('}')),
    ).toBe(true);
    const [, sequence, firstNumber] = /segment-(\d{12})-(\d+)\.log$/.exec(path)!;
    expect([Number(sequence), Number(firstNumber)]).toEqual([1, 1]);
  });

  it('is read from it without checksums, and damage that shows even so is counted', async () => {
    const { path, records } = await writeJournal(6);
    const lines = records.map(({ line }) => line);
    rmSync(path);
    writeFileSync(join(folder, 'segment-000000000001-1.log'), `${lines.join('\n')}\nF r9 org 9 {"half`);
    expect(nextLife()).toMatchObject({ lines, damagedBytes: 0 });
    for (const each of segments()) rmSync(each);
    writeFileSync(
      join(folder, 'segment-000000000001-1.log'),
      `${'\0'.repeat(50)}${lines.join('\n')}\nX y\n${'\0'.repeat(3_000)}`,
    );
    expect(nextLife()).toMatchObject({ lines, damagedBytes: 3_054 });
  });

  it('keeps its files apart by their names, so that none with checksums passes for one without', async () => {
    const { path, bytes } = await writeJournal(4);
    const changed = bytes.toString('utf8').replaceAll(/\n=.{8}/g, '');
    writeFileSync(path, changed);
    expect(nextLife().lines).toEqual([]);
    for (const each of segments().slice(1)) rmSync(each);
    renameSync(path, join(folder, 'segment-000000000001-1.log'));
    expect(nextLife().lines).toHaveLength(4);
  });
});
