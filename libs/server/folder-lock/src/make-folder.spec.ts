import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder } from './make-folder.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-make-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('making a folder', () => {
  it('makes those above it too, for their owner alone, and leaves what is there as it is', () => {
    mkdirSync(join(folder, 'a'), { mode: 0o755 });
    makeFolder(join(folder, 'a', 'b', 'c'));
    expect(statSync(join(folder, 'a', 'b', 'c')).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'a', 'b')).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o755);
    makeFolder(join(folder, 'a', 'b', 'c'));
  });

  it('takes a link to a folder as one', () => {
    mkdirSync(join(folder, 'there'));
    symlinkSync(join(folder, 'there'), join(folder, 'link'));
    makeFolder(join(folder, 'link', 'below'));
    expect(existsSync(join(folder, 'there', 'below'))).toBe(true);
  });

  it('ends with the error of the file system where it cannot be', () => {
    writeFileSync(join(folder, 'file'), '');
    symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'));
    symlinkSync(join(folder, 'circle'), join(folder, 'circle'));
    for (const [path, code] of [
      ['file', 'EEXIST'],
      ['file/below', 'EEXIST'],
      ['dangling', 'EEXIST'],
      ['circle/below', 'ELOOP'],
      ['x'.repeat(300), 'ENAMETOOLONG'],
    ] as const) {
      expect(() => makeFolder(join(folder, path)), path).toThrow(code);
    }
  });

  // Under /proc the system answers ENOENT although the parent folder exists, and Node's own recursive mkdir then
  // retries for ever.
  // Where there is no /proc, there is no such test: `npm test` takes a test that is skipped for a failure.
  if (existsSync('/proc/self'))
    it('ends where the system takes no folder at all', () => {
      for (const path of ['/proc/nope', '/proc/nope/below', '/proc/self/nope'])
        expect(() => makeFolder(path), path).toThrow('ENOENT');
    });
});
