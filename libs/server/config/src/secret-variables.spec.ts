import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { environmentFields, environmentVariable, readEnvironment } from './environment.js';
import { isSecretVariable, secretVariable, variablesIn } from './secret-variables.js';

const folder = mkdtempSync(join(tmpdir(), 'tollgate-secret-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'secret');
const holding = (content: string | Uint8Array): string => {
  writeFileSync(path, content);
  return path;
};

const schema = z.object({
  TOLLGATE_PEPPER: environmentFields.pepper,
  TOLLGATE_PEPPER_PREVIOUS: environmentFields.pepper.optional(),
  TOLLGATE_HOST: environmentFields.host,
});
const PEPPER = 'sixteen characters';
const messageOf = (environment: Record<string, string>): string => {
  try {
    readEnvironment(schema, environment);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was not refused');
};

describe('a secret variable', () => {
  it('is known by its mark, which stays with what is made of the schema', () => {
    const marked = secretVariable(z.string());
    for (const each of [marked, marked.optional(), marked.default('x'), marked.min(3).max(9).optional()])
      expect(isSecretVariable(each)).toBe(true);
    for (const each of [z.string(), z.string().transform(Number), z.string().optional()])
      expect(isSecretVariable(each)).toBe(false);
    expect(variablesIn(schema)).toEqual([
      'TOLLGATE_PEPPER',
      'TOLLGATE_PEPPER_FILE',
      'TOLLGATE_PEPPER_PREVIOUS',
      'TOLLGATE_PEPPER_PREVIOUS_FILE',
      'TOLLGATE_HOST',
    ]);
  });

  it.each([
    ['without a line end', PEPPER, PEPPER],
    ['with LF', `${PEPPER}\n`, PEPPER],
    ['with CR LF', `${PEPPER}\r\n`, PEPPER],
    ['with spaces around it, which belong to it', `  ${PEPPER} \n`, `  ${PEPPER} `],
    ['in other letters than those of English', 'пароль-пароль-пароль-密\n', 'пароль-пароль-пароль-密'],
    ['as long as a file may be', 'x'.repeat(65_536), 'x'.repeat(65_536)],
  ])('is read from the file that its twin names, %s', (_, content, secret) => {
    const read = readEnvironment(schema, { TOLLGATE_PEPPER_FILE: holding(content) });
    expect(read.TOLLGATE_PEPPER).toBe(secret);
  });

  it.each([
    ['an empty file', () => holding('')],
    ['an empty file', () => holding('\n')],
    ['an empty file', () => holding('\r\n')],
    ['an empty file', () => holding(' \t \n')],
    ['a file with more than one line', () => holding(`${PEPPER}\n\n`)],
    ['a file with more than one line', () => holding(`${PEPPER}\n${PEPPER}`)],
    ['a file with more than one line', () => holding(`\n${PEPPER}`)],
    ['a file with more than one line', () => holding(`${PEPPER}\r`)],
    ['a file with a NUL character', () => holding(`${PEPPER}\0`)],
    ['a file that is not text in UTF-8', () => holding(Buffer.from('pässword-pässword', 'latin1'))],
    ['a file that begins with a byte order mark', () => holding(`\uFEFF${PEPPER}`)],
    ['a file of more than 65536 bytes', () => holding('x'.repeat(65_537))],
    ['a file of more than 65536 bytes', () => '/dev/zero'],
    ['a file that does not exist', () => join(folder, 'nowhere', 'secret')],
    ['a file that does not exist', () => join(holding(PEPPER), 'below-a-file')],
    [
      'a folder',
      () => {
        mkdirSync(join(folder, 'sub'), { recursive: true });
        return join(folder, 'sub');
      },
    ],
  ])('is refused by name, without its value, when its twin names %s', (fault, file) => {
    const message = messageOf({ TOLLGATE_PEPPER_FILE: file() });
    expect(message).toContain(`\n  TOLLGATE_PEPPER_FILE names ${fault}`);
    // The secret itself is given as the path by mistake, at times.
    for (const part of [PEPPER, folder, 'zero', 'required']) expect(message).not.toContain(part);
  });

  it('is refused when it is given twice, and is not when one of the two is empty', () => {
    const both = { TOLLGATE_PEPPER: PEPPER, TOLLGATE_PEPPER_FILE: holding('another secret of it') };
    const message = messageOf(both);
    expect(message).toContain('TOLLGATE_PEPPER and TOLLGATE_PEPPER_FILE are both set: leave one of them out');
    expect(message).not.toContain(PEPPER);
    const read = (environment: Record<string, string>) => readEnvironment(schema, environment).TOLLGATE_PEPPER;
    expect(read({ ...both, TOLLGATE_PEPPER_FILE: '' })).toBe(PEPPER);
    expect(read({ ...both, TOLLGATE_PEPPER: '' })).toBe('another secret of it');
    expect(messageOf({ TOLLGATE_PEPPER: '', TOLLGATE_PEPPER_FILE: '' })).toContain('TOLLGATE_PEPPER is required');
  });

  it('is held to the same bounds in a file, and all faults are told at once', () => {
    const message = messageOf({ TOLLGATE_PEPPER_FILE: holding('short\n'), TOLLGATE_PEPPER_PREVIOUS_FILE: folder });
    expect(message).toContain('TOLLGATE_PEPPER in the file of TOLLGATE_PEPPER_FILE must have at least 16 characters');
    expect(message).toContain('TOLLGATE_PEPPER_PREVIOUS_FILE names a folder');
    expect(message).not.toContain('short');
  });

  it('alone has a twin: no other variable is taken from a file', () => {
    const read = readEnvironment(schema, { TOLLGATE_PEPPER: PEPPER, TOLLGATE_HOST_FILE: holding('0.0.0.0') });
    expect(read.TOLLGATE_HOST).toBe('127.0.0.1');
  });
});

describe('a variable that config.yaml names', () => {
  const names = ['OF_SPEC_KEY', 'OF_SPEC_KEY_FILE'];
  afterEach(() => {
    for (const name of names) delete process.env[name];
  });

  it('is read from the environment or from the file of its twin, and from neither if both are given', () => {
    expect(environmentVariable('OF_SPEC_KEY')).toBeUndefined();
    process.env['OF_SPEC_KEY_FILE'] = holding('sk-in-a-file\n');
    expect(environmentVariable('OF_SPEC_KEY')).toBe('sk-in-a-file');
    process.env['OF_SPEC_KEY'] = 'sk-1';
    expect(() => environmentVariable('OF_SPEC_KEY')).toThrow('OF_SPEC_KEY and OF_SPEC_KEY_FILE are both set');
    process.env['OF_SPEC_KEY_FILE'] = '';
    expect(environmentVariable('OF_SPEC_KEY')).toBe('sk-1');
    process.env['OF_SPEC_KEY'] = '';
    expect(environmentVariable('OF_SPEC_KEY')).toBeUndefined();
    process.env['OF_SPEC_KEY_FILE'] = folder;
    expect(() => environmentVariable('OF_SPEC_KEY')).toThrow('OF_SPEC_KEY_FILE names a folder');
  });
});
