import { mkdtempSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Journal } from './journal.js';
import { JournaledRequest } from './journaled-request.js';

const disk = vi.hoisted(() => ({ full: false, room: null as number | null, trials: 0 }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const write = (...args: Parameters<typeof writeSync>): number => {
    if (disk.full) disk.trials += 1;
    if (disk.full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    return fs.writeSync(...args);
  };
  const room = (folder: string) => ({ ...fs.statfsSync(folder), ...(disk.room !== null && { bavail: disk.room }) });
  return { ...fs, writeSync: write, statfsSync: room };
});

let folder: string;
let journal: Journal;
beforeEach(() => {
  Object.assign(disk, { full: false, room: null, trials: 0 });
  requests.clear();
  folder = mkdtempSync(join(tmpdir(), 'tollgate-journal-'));
  journal = Journal.open(folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ids = (records: Iterable<{ type: string; requestId: string }>): string[] =>
  [...records].map(({ type, requestId }) => `${type} ${requestId}`);
const requests = new Map<string, JournaledRequest>();
const request = (requestId: string): JournaledRequest =>
  requests.get(requestId) ?? requests.set(requestId, new JournaledRequest(requestId, 'org')).get(requestId)!;
const intent = (requestId: string): Promise<boolean> => journal.append('I', request(requestId), 0, '{}');
const final = (requestId: string): Promise<boolean> =>
  journal.append('F', request(requestId), journal.takeNumber(), '{}');

describe('a journal on a full disk', () => {
  it('refuses intents and keeps finals, in their order, until the disk takes them', async () => {
    expect(await intent('r1')).toBe(true);
    disk.full = true;
    expect(await Promise.all([intent('r2'), final('r1')])).toEqual([false, false]);
    expect(await final('r0')).toBe(false);
    disk.full = false;
    expect(await final('r3')).toBe(true);
    expect(ids(journal.records())).toEqual(['I r1', 'F r1', 'F r0', 'F r3']);
    expect(journal.close(false)).toBe(0);
  });
  it('says each time why a write was not taken', async () => {
    const troubles: string[] = [];
    journal.onTrouble((error) => troubles.push(error.message));
    await intent('r1');
    disk.full = true;
    await intent('r2');
    await final('r1');
    expect(troubles).toEqual(['no space left on device', 'no space left on device']);
    disk.full = false;
    expect(journal.close(false)).toBe(0);
  });
  it('announces finals that the disk has not taken', async () => {
    await final('r1');
    disk.full = true;
    await final('r2');
    expect(ids(journal.finalsAfter(0, 'org'))).toEqual(['F r1', 'F r2']);
    expect(ids(journal.finalsAfter(1, 'org'))).toEqual(['F r2']);
    disk.full = false;
    expect(journal.close(false)).toBe(0);
  });
  it('ends with the intents of requests whose finals it never took, and says how many', async () => {
    await intent('r1');
    disk.full = true;
    await final('r1');
    expect(journal.close(true)).toBe(1);
    disk.full = false;
    const next = Journal.open(folder);
    expect(ids(next.records())).toEqual(['I r1']);
    next.close(false);
  });
  it('says that it cannot be written to until it can, also where nobody writes meanwhile', async () => {
    expect(journal.writable).toBe(true);
    disk.full = true;
    expect(await intent('r1')).toBe(false);
    expect(journal.writable).toBe(false);
    await expect.poll(() => disk.trials, { timeout: 20_000 }).toBeGreaterThan(1);
    expect(journal.writable).toBe(false);
    disk.full = false;
    await expect.poll(() => journal.writable, { timeout: 20_000 }).toBe(true);
    expect([...journal.records()]).toEqual([]);
    journal.close(false);
  });
  it('says so before anybody has tried, where the disk has no room', () => {
    disk.room = 0;
    expect(journal.writable).toBe(false);
    disk.room = null;
    expect(journal.writable).toBe(true);
    journal.close(false);
  });
});
