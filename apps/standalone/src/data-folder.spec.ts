import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeDataFolder } from './data-folder.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-data-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the data folder', () => {
  it('is taken by one process, which is named to the next', () => {
    const lock = takeDataFolder(join(folder, 'data'));
    expect(() => takeDataFolder(join(folder, 'data'))).toThrow(
      `TOLLGATE_DATA: the folder ${join(folder, 'data')} is in use by the process ${process.pid};`,
    );
    lock.release();
  });

  it('cannot be a file, nor under one', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    for (const path of [file, join(file, 'data')])
      expect(() => takeDataFolder(path)).toThrow(`TOLLGATE_DATA: ${path} is, or is under, a file; name a folder`);
  });
});
