import type { writeSync } from 'node:fs';
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { journalCall, settled, Volume } from './left-journals-stage.js';

const disk = vi.hoisted(() => ({ full: false }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const write = (...args: Parameters<typeof writeSync>): number => {
    if (disk.full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    return fs.writeSync(...args);
  };
  return { ...fs, writeSync: write };
});

const [a, b] = [1, 2].map((n) => `01a1fd37-6223-754e-9ccb-00000000000${n}`) as [string, string];
let volume: Volume;
beforeEach(() => {
  disk.full = false;
  volume = new Volume();
});
afterEach(() => {
  disk.full = false;
  volume.remove();
});

it('a journal on a full disk is shipped and removed; finals that cannot be written are the same each time', async () => {
  const { journal, folder } = volume.start();
  await journalCall(journal, a, true);
  await journalCall(journal, b, false);
  volume.kill(journal);
  volume.find(journal.journalId);
  const before = readdirSync(folder).sort();
  disk.full = true;
  let stops = true;
  volume.books.beforeBooked = () => {
    if (stops) throw new Error('the adopter is stopped');
  };
  const first = volume.adoption();
  await first.look();
  while (volume.books.published.size < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  await first.stop();
  expect(readdirSync(folder).sort()).toEqual(before);

  stops = false;
  const second = volume.adoption();
  await second.look();
  await settled(second);
  expect(volume.journals()).toEqual([]);
  for (const id of [a, b]) {
    const texts = volume.books.published.get(id)!;
    expect(texts).toHaveLength(2);
    expect(new Set(texts).size).toBe(1);
  }
  expect(volume.books.booked(b).outcome).toBe('orphaned');
});
