import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import { Passwords } from './passwords.js';

const passwords = new Passwords();
const PASSWORD = 'correct horse battery staple';

describe('a password', () => {
  it('is stored as argon2id with 19 MiB or more, and never the same twice', async () => {
    const [one, other] = await Promise.all([passwords.hash(PASSWORD), passwords.hash(PASSWORD)]);
    const [, memory, passes] = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$[^$=]{22}\$[^$=]{43}$/.exec(one) ?? [];
    expect(Number(memory)).toBeGreaterThanOrEqual(19 * 1_024);
    expect(Number(passes)).toBeGreaterThanOrEqual(2);
    expect(one).not.toBe(other);
    expect(one).not.toContain(PASSWORD);
  });

  it('is right in each way of typing it, and in no other case', async () => {
    const hash = await passwords.hash('Zürich \ufb01nds 12 bridges');
    const check = async (text: string) => (await passwords.check(text, hash)).kind;
    expect(await check('Zu\u0308rich finds 12 bridges')).toBe('right');
    expect(await check('zürich finds 12 bridges')).toBe('wrong');
    expect(await check('Zürich finds 12 bridges ')).toBe('wrong');
    expect(await check('')).toBe('wrong');
  });

  it('is wrong without a hash, and with one that cannot be read', async () => {
    for (const stored of [null, '', 'x', '$2b$10$abc', '$argon2id$v=19$m=19456,t=2,p=1$$'])
      expect(await passwords.check(PASSWORD, stored)).toEqual({ kind: 'wrong' });
  });

  it('is to be stored anew where its hash cost less than new ones do', async () => {
    const cheap = await cheaperHash();
    expect(await passwords.check(PASSWORD, cheap)).toEqual({ kind: 'right', outdated: true });
    expect(await passwords.check('another password', cheap)).toEqual({ kind: 'wrong' });
    expect(await passwords.check(PASSWORD, await passwords.hash(PASSWORD))).toEqual({ kind: 'right', outdated: false });
  });

  it('is turned away with 503 where too many are checked, and those that had begun end as usual', async () => {
    const hash = await passwords.hash(PASSWORD);
    const checks = await Promise.allSettled(Array.from({ length: 60 }, () => passwords.check(PASSWORD, hash)));
    const refused = checks.filter((check) => check.status === 'rejected');
    // Two run and 32 wait; on a busy machine some of these find no turn in time.
    expect(refused.length).toBeGreaterThanOrEqual(60 - 2 - 32);
    for (const { reason } of refused) {
      expect(reason).toMatchObject({ code: 'server_busy', headers: { 'retry-after': '2' } });
    }
    const done = checks.filter((check) => check.status === 'fulfilled');
    expect(done.length).toBeGreaterThanOrEqual(2);
    expect(done.every(({ value }) => value.kind === 'right')).toBe(true);
    expect(await passwords.check(PASSWORD, hash)).toMatchObject({ kind: 'right' });
  });
});

async function cheaperHash(): Promise<string> {
  const { argon2Sync } = await import('node:crypto');
  const nonce = Buffer.from('somesalt12345678');
  const tag = argon2Sync('argon2id', {
    message: PASSWORD,
    nonce,
    memory: 8_192,
    passes: 1,
    parallelism: 1,
    tagLength: 32,
  });
  const text = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  return `$argon2id$v=19$m=8192,t=1,p=1$${text(nonce)}$${text(tag)}`;
}
