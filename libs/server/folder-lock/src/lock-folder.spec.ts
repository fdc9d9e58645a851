import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderLockedError, lockFolder, lookAtFolder, StrangeLockError } from './index.js';

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

/** Runs code in a process of its own with `lockFolder` and `lookAtFolder`; its last expression is printed. */
const MODULE = join(import.meta.dirname, '..', 'dist', 'index.js');
async function elsewhere(code: string): Promise<string> {
  const script = `import * as locks from ${JSON.stringify(MODULE)}; const folder = process.argv[1];
    const tried = (work) => { try { return work(); } catch (error) { return error.name; } };
    process.stdout.write(String(${code}));`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', script, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(other, 'exit');
  const [said] = (await once(other.stdout, 'data')) as [Buffer];
  await exited;
  return said.toString();
}

describe('a look at a folder', () => {
  it('finds none where there is none, and makes none', () => {
    expect(lookAtFolder(join(folder, 'missing'))).toBeNull();
    writeFileSync(join(folder, 'file'), '');
    expect(lookAtFolder(join(folder, 'file'))).toBeNull();
    expect(readdirSync(folder)).toEqual(['file']);
  });
  it('is refused while another process has it, and that one keeps its lock', async () => {
    const first = lockFolder(folder);
    expect(await elsewhere('tried(() => locks.lookAtFolder(folder))')).toBe('FolderLockedError');
    expect(await elsewhere('tried(() => locks.lockFolder(folder))')).toBe('FolderLockedError');
    first.release();
  });
  it('tells who left it, and leaves that as it was', () => {
    const found = () => {
      const left = lookAtFolder(folder);
      left?.leave();
      return left?.leftBy;
    };
    for (const [note, leftBy] of [
      [null, 'nobody'],
      [`4711 ${hostname()}`, 'this host'],
      ['4711 elsewhere', 'another host'],
      ['', 'another host'],
      ['no note', 'another host'],
    ] as const) {
      const file = join(folder, 'lock.holder');
      if (note !== null) writeFileSync(file, note);
      expect(found(), note ?? 'no file').toBe(leftBy);
      expect(found(), 'a second look').toBe(leftBy);
      if (note !== null) expect(readFileSync(file, 'utf8')).toBe(note);
    }
  });
  it('keeps others out until it ends, and then lets only one of two take it', () => {
    const left = lookAtFolder(folder)!;
    expect(() => lookAtFolder(folder)).toThrow(FolderLockedError);
    // As on a volume without locks: another process looked at the same moment.
    writeFileSync(join(folder, 'lock.holder'), '4711 elsewhere');
    expect(left.take()).toBeNull();
    expect(readFileSync(join(folder, 'lock.holder'), 'utf8')).toBe('4711 elsewhere');
    const next = lookAtFolder(folder)!;
    const taken = next.take()!;
    expect(readFileSync(join(folder, 'lock.holder'), 'utf8')).toBe(`${process.pid} ${hostname()}`);
    taken.release();
    expect(lookAtFolder(folder)!.leftBy).toBe('nobody');
  });
});

describe('a folder that was taken and is not wanted after all', () => {
  it.each([['4711 elsewhere'], [null]])('says again who left it: %s', (note) => {
    const file = join(folder, 'lock.holder');
    if (note !== null) writeFileSync(file, note);
    lookAtFolder(folder)!.take()!.putBack();
    expect(readdirSync(folder)).toEqual(note === null ? ['lock'] : ['lock', 'lock.holder']);
    if (note !== null) expect(readFileSync(file, 'utf8')).toBe(note);
    lookAtFolder(folder)!.leave();
  });
});

describe('the removal of a folder', () => {
  it('leaves nothing of it, and whoever comes then makes a new one that is locked', async () => {
    const inner = join(folder, 'inner');
    const lock = lockFolder(inner);
    writeFileSync(join(inner, 'record'), 'x');
    expect(lock.isHeld()).toBe(true);
    lock.remove();
    expect(readdirSync(folder)).toEqual([]);
    expect(lock.isHeld()).toBe(false);
    expect(lookAtFolder(inner)).toBeNull();
    const again = lockFolder(inner);
    expect(again.isHeld()).toBe(true);
    folder = inner;
    expect(await elsewhere('tried(() => locks.lockFolder(folder))')).toBe('FolderLockedError');
    again.release();
  });
  it('is found out by the process that had it on a volume that lost its lock', () => {
    const inner = join(folder, 'inner');
    const lock = lockFolder(inner);
    renameSync(inner, join(folder, 'away'));
    expect(lock.isHeld()).toBe(false);
    mkdirSync(inner);
    writeFileSync(join(inner, 'lock'), '');
    writeFileSync(join(inner, 'lock.holder'), '4711 elsewhere');
    expect(lock.isHeld()).toBe(false);
    lock.release();
    expect(readFileSync(join(inner, 'lock.holder'), 'utf8')).toBe('4711 elsewhere');
  });
  it('takes what is below it too', () => {
    const inner = join(folder, 'inner');
    const lock = lockFolder(inner);
    mkdirSync(join(inner, 'kept'));
    writeFileSync(join(inner, 'kept', 'file'), '');
    lock.remove();
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('two processes that lock and remove the same folder by turns', () => {
  it('are never both the one that has it', async () => {
    const shared = join(folder, 'shared');
    const witness = join(folder, 'witness');
    const script = `import * as locks from ${JSON.stringify(MODULE)}; import { openSync, closeSync, rmSync } from 'node:fs';
      const [folder, witness] = process.argv.slice(1); let held = 0, both = 0;
      // On a busy machine one of the two may get no turn meanwhile.
      const until = Date.now() + 1500;
      while (Date.now() < until || held === 0) {
        let lock; try { lock = locks.lockFolder(folder); } catch (error) { if (error.name !== 'FolderLockedError') throw error; continue; }
        try { closeSync(openSync(witness, 'wx')); held += 1; rmSync(witness); } catch { both += 1; }
        if (held % 3 === 0) lock.release(); else lock.remove();
      }
      process.stdout.write(JSON.stringify({ held, both }));`;
    const run = async () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, shared, witness], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = once(child, 'exit');
      const [said] = (await once(child.stdout, 'data')) as [Buffer];
      await exited;
      return JSON.parse(said.toString()) as { held: number; both: number };
    };
    const both = await Promise.all([run(), run()]);
    expect(both.map((one) => one.both)).toEqual([0, 0]);
    for (const { held } of both) expect(held).toBeGreaterThan(0);
    expect(statSync(folder).isDirectory()).toBe(true);
  });
});
