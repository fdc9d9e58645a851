import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { boundedFile, boundedText } from './bounded-file.js';

const folder = mkdtempSync(join(tmpdir(), 'tollgate-bounded-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fileOf = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const pipeOf = (name: string): string => {
  execFileSync('sh', ['-c', 'mkfifo "$0"', join(folder, name)]);
  return join(folder, name);
};
const textOf = (path: string, bytesMax = 100, pipeMsMax = 200) => {
  const file = boundedFile(path, bytesMax, pipeMsMax);
  return 'code' in file ? file.code : file.bytes.toString();
};

describe('a file that is named', () => {
  it.each([
    ['nothing', ''],
    ['as much as it may', 'x'.repeat(100)],
    ['several lines', 'a\nb\n'],
  ])('is read whole where it holds %s', (_, content) => {
    expect(textOf(fileOf('plain', content))).toBe(content);
  });

  it('is read through the links by which Kubernetes replaces what it mounts', () => {
    mkdirSync(join(folder, '..2026_11_30'));
    fileOf('..2026_11_30/secret', 'held');
    symlinkSync('..2026_11_30', join(folder, '..data'));
    symlinkSync(join('..data', 'secret'), join(folder, 'linked'));
    expect(textOf(join(folder, 'linked'))).toBe('held');
  });

  it('is read where the system makes it up, which gives it no size', () => {
    expect(textOf('/proc/self/comm', 1_000)).not.toBe('');
    expect(textOf('/dev/null')).toBe('');
  });

  it('may be a pipe whose writer begins late and pauses', async () => {
    const pipe = pipeOf('slow');
    const writer = spawn('sh', ['-c', `sleep 0.2; exec > "$0"; printf one; sleep 0.3; printf two`, pipe]);
    expect(textOf(pipe, 100, 50_000)).toBe('onetwo');
    writer.kill();
  });

  it.each([
    ['too_large', () => fileOf('large', 'x'.repeat(101))],
    ['too_large', () => '/dev/zero'],
    [
      'too_large',
      () => {
        const file = fileOf('sparse', '');
        truncateSync(file, 2 ** 40);
        return file;
      },
    ],
    ['nothing_written', () => pipeOf('silent')],
    ['ENOENT', () => join(folder, 'nowhere')],
    ['ENOTDIR', () => join(fileOf('plain', ''), 'below')],
    ['EISDIR', () => folder],
    [
      'ELOOP',
      () => {
        symlinkSync('circle', join(folder, 'circle'));
        return join(folder, 'circle');
      },
    ],
    ['ENAMETOOLONG', () => join(folder, 'x'.repeat(5_000))],
    ['ERR_INVALID_ARG_VALUE', () => `${folder}/a\0b`],
  ])('is not read, but is %s', (code, path) => {
    expect(textOf(path())).toBe(code);
  });

  it('is not waited for without end where a writer has opened it and says nothing', () => {
    const pipe = pipeOf('held');
    const both = openSync(pipe, 'r+');
    expect(textOf(pipe)).toBe('nothing_written');
    closeSync(both);
  });

  it('is text in UTF-8 alone', () => {
    expect(boundedText(fileOf('utf8', '\uFEFFпароль'), 100)).toEqual({ text: '\uFEFFпароль' });
    for (const bytes of [Buffer.from('p\u00e4ss', 'latin1'), Buffer.from('\uFEFFpass', 'utf16le'), Buffer.from([0xc3])])
      expect(boundedText(fileOf('other', bytes), 100)).toEqual({ code: 'not_utf8' });
  });
});
