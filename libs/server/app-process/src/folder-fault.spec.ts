import { FolderLockedError, StrangeLockError } from '@tollgate/folder-lock';
import { describe, expect, it } from 'vitest';
import { folderFault } from './folder-fault.js';
import { mendableFault, reasonOf, StartFault } from './start-fault.js';

const failed = (code: string) =>
  Object.assign(new Error(`${code}: went wrong, open '/data/x'`), { code, syscall: 'open' });
const saidOf = (error: unknown) => mendableFault(folderFault('TOLLGATE_DATA', '/data', error));

describe('a folder that cannot be used', () => {
  it.each([
    ['ENOSPC', 'no space is left on the disk of /data'],
    ['EDQUOT', 'the disk quota for /data is used up'],
    ['EROFS', '/data is on a read-only file system'],
    ['EACCES', 'this user may not write to /data'],
    ['EPERM', 'this user may not write to /data'],
    ['EEXIST', '/data is, or is under, a file; name a folder'],
    ['ENOTDIR', '/data is, or is under, a file; name a folder'],
    ['ENOENT', '/data cannot be made there'],
    ['ELOOP', '/data leads through a circle'],
    ['EIO', "/data cannot be written to: EIO: went wrong, open '/data/x'"],
    ['ESTALE', '/data cannot be written to: ESTALE'],
  ])('for %s is said in one line, after the setting', (code, said) => {
    expect(saidOf(failed(code))).toContain(`TOLLGATE_DATA: ${said}`);
    expect(saidOf(failed(code))).not.toContain('\n');
  });

  it('is one that another process has', () => {
    expect(saidOf(new FolderLockedError('/data/journal', 'the process 4711'))).toBe(
      'TOLLGATE_DATA: the folder /data/journal is in use by the process 4711; stop that one, or name another folder',
    );
  });

  it('is one whose lock is none', () => {
    expect(saidOf(new StrangeLockError('/data/lock'))).toMatch(/^TOLLGATE_DATA: \/data\/lock is no lock: .*remove it$/);
  });

  it('is not what a bug of ours, or a fault that was explained already, is turned into', () => {
    const bug = new TypeError('x is not a function');
    expect(folderFault('TOLLGATE_DATA', '/data', bug)).toBe(bug);
    expect(mendableFault(bug)).toBeNull();
    const explained = new StartFault('TMPDIR', 'is full');
    expect(folderFault('TOLLGATE_DATA', '/data', explained)).toBe(explained);
  });
});

describe('the reason of an error', () => {
  it('is one line, also of errors that have no message of their own', () => {
    expect(reasonOf(new AggregateError([failed('ECONNREFUSED'), failed('EHOSTUNREACH')], ''))).toMatch(
      /^ECONNREFUSED.*, EHOSTUNREACH/,
    );
    expect(reasonOf(new Error('first\n  second\nthird'))).toBe('first second third');
    expect(reasonOf(Object.assign(new Error(''), { code: 'EPIPE' }))).toBe('EPIPE');
  });
});
