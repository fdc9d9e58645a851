import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderLockedError, lockFolder, StrangeLockError } from './index.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const HOLDER = `
  const { DatabaseSync } = require('node:sqlite');
  const database = new DatabaseSync(process.argv[1]);
  database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  process.stdout.write('held');
  setInterval(() => database, 1000);
`;

describe('a locked folder', () => {
  it('is refused to a second process, and free the moment the first is killed', async () => {
    const holder = spawn(process.execPath, ['-e', HOLDER, join(folder, 'lock')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    expect(() => lockFolder(folder)).toThrow(FolderLockedError);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    lockFolder(folder).release();
  });
  it('names the process that has it, and nobody who had it before', () => {
    writeFileSync(join(folder, 'lock.holder'), '4711 elsewhere');
    const first = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(
      `the folder ${folder} is in use by the process ${process.pid}; stop that one`,
    );
    writeFileSync(join(folder, 'lock.holder'), '4711 elsewhere');
    expect(() => lockFolder(folder)).toThrow('in use by the process 4711 of elsewhere;');
    rmSync(join(folder, 'lock.holder'));
    expect(() => lockFolder(folder)).toThrow('in use by another process;');
    first.release();
    expect(readdirSync(folder)).toEqual(['lock']);
  });
  it('can be taken again after its release', () => {
    lockFolder(folder).release();
    lockFolder(folder).release();
  });
  it('is not taken by a file that something else was written to, which is named, nor lost by it to a second process', () => {
    const file = join(folder, 'lock');
    for (const junk of [
      'junk',
      'x'.repeat(5_000),
      '\0'.repeat(4_096),
      `SQLite format 3\0${'x'.repeat(4_096)}`,
      '{"pid":1}\n',
    ]) {
      writeFileSync(file, junk);
      expect(() => lockFolder(folder), JSON.stringify(junk.slice(0, 20))).toThrow(StrangeLockError);
      expect(() => lockFolder(folder)).toThrow(`${file} is no lock: another program has written to it;`);
      expect(readFileSync(file, 'utf8')).toBe(junk);
    }
    rmSync(file);
    mkdirSync(file);
    expect(() => lockFolder(folder)).toThrow(StrangeLockError);
    rmSync(file, { recursive: true });
    const held = lockFolder(folder);
    writeFileSync(file, 'junk');
    expect(() => lockFolder(folder)).toThrow(FolderLockedError);
    held.release();
  });
});
