import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { matchesSecret, secretDigest } from '@tollgate/http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { instanceSecrets } from './instance-secrets.js';
import { StartFault } from '@tollgate/app-process';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-instance-'));
  path = join(folder, 'instance.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const GIVEN_PEPPER = 'a pepper that is given';
const NOTHING = { pepper: undefined, adminSecret: undefined };
const start = (given: { pepper: string | undefined; adminSecret: string | undefined } = NOTHING) =>
  instanceSecrets(folder, given);

describe('the secrets of an installation', () => {
  it('are made on the first start, and the admin secret is shown that once', () => {
    const first = start();
    first.shown();
    const second = start();
    expect(second.newAdminSecret).toBeNull();
    expect(second.pepper).toBe(first.pepper);
    for (const { adminSecret } of [first, second]) expect(matchesSecret(first.newAdminSecret!, adminSecret)).toBe(true);
  });

  it('have an admin secret to show until a start has shown it, whatever ended those before, and one pepper from the beginning', () => {
    const unfinished = [start(), start()];
    const shown = start();
    shown.shown();
    expect(new Set([...unfinished, shown].map(({ newAdminSecret }) => newAdminSecret)).size).toBe(3);
    expect(new Set([...unfinished, shown, start()].map(({ pepper }) => pepper)).size).toBe(1);
    expect(matchesSecret(shown.newAdminSecret!, start().adminSecret)).toBe(true);
    for (const { newAdminSecret } of unfinished)
      expect(matchesSecret(newAdminSecret!, start().adminSecret)).toBe(false);
  });

  it('outlive a crash in the middle of writing them down', () => {
    const first = start();
    writeFileSync(`${path}.new`, '{"pepp');
    const second = start();
    expect(second.pepper).toBe(first.pepper);
    second.shown();
    expect(matchesSecret(second.newAdminSecret!, start().adminSecret)).toBe(true);
  });

  it('leave no admin secret on disk, and nothing for other users', () => {
    const { newAdminSecret, shown } = start();
    shown();
    expect(readFileSync(path, 'utf8')).not.toContain(newAdminSecret);
    expect(statSync(path).mode & 0o077).toBe(0);
  });

  it('are those of the environment where it gives them', () => {
    const given = { pepper: 'a pepper of the environment', adminSecret: 'an-admin-secret-of-the-environment' };
    expect(start(given)).toMatchObject({ ...given, newAdminSecret: null });
    const first = start({ ...NOTHING, adminSecret: given.adminSecret });
    expect(first).toMatchObject({ adminSecret: given.adminSecret, newAdminSecret: null });
    first.shown();
    expect(start().newAdminSecret).toBeNull();
    expect(matchesSecret(given.adminSecret, start().adminSecret)).toBe(true);
  });

  it('are asked back, by the name of their file, where that is damaged', () => {
    start().shown();
    for (const length of [20, 0]) {
      truncateSync(path, length);
      expect(() => start()).toThrow(StartFault);
      expect(() => start()).toThrow(`TOLLGATE_DATA: ${path} is damaged`);
    }
    writeFileSync(path, '{"pepper":"short"}');
    expect(() => start()).toThrow(/is damaged/);
  });

  it('hold to the admin secret that was given last, and never again to one before it', () => {
    const [a, b] = ['admin-secret-number-a', 'admin-secret-number-b'];
    const made = start();
    made.shown();
    for (const given of [a, b])
      expect(start({ ...NOTHING, adminSecret: given })).toMatchObject({ adminSecret: given, newAdminSecret: null });
    const { adminSecret, newAdminSecret } = start();
    expect(newAdminSecret).toBeNull();
    expect([a, b, made.newAdminSecret!].map((each) => matchesSecret(each, adminSecret))).toEqual([false, true, false]);
    expect(readFileSync(path, 'utf8')).not.toContain(b);
  });

  it('hold to an admin secret that was given beside a pepper', () => {
    start({ pepper: GIVEN_PEPPER, adminSecret: 'admin-secret-number-a' });
    const next = start({ ...NOTHING, pepper: GIVEN_PEPPER });
    expect(matchesSecret('admin-secret-number-a', next.adminSecret)).toBe(true);
  });

  it('leave no pepper on disk that was given, from the first start on', () => {
    const first = start({ ...NOTHING, pepper: GIVEN_PEPPER });
    first.accepted();
    first.shown();
    expect(readFileSync(path, 'utf8')).not.toContain(GIVEN_PEPPER);
    expect(start({ ...NOTHING, pepper: GIVEN_PEPPER }).pepper).toBe(GIVEN_PEPPER);
  });

  it('have a pepper made anew where it is given no longer, which is kept where the database takes it', () => {
    start({ ...NOTHING, pepper: GIVEN_PEPPER }).shown();
    const refused = start();
    expect(refused.pepperSource).toEqual({
      variable: 'TOLLGATE_PEPPER',
      is: expect.stringContaining('it is not set') as string,
    });
    const taken = start();
    expect(taken.pepper).not.toBe(refused.pepper);
    taken.accepted();
    expect(start().pepper).toBe(taken.pepper);
  });

  it.each(['the same', 'another'])(
    'keep a pepper no longer once %s is given and found to be right, and until then they do',
    (which) => {
      start().shown();
      const { pepper: kept } = start();
      const given = which === 'the same' ? kept : GIVEN_PEPPER;
      const refused = start({ ...NOTHING, pepper: given });
      expect(refused.pepper).toBe(given);
      expect(start().pepper).toBe(kept);
      const taken = start({ ...NOTHING, pepper: given });
      expect(taken.accepted()).toBe(true);
      expect(taken.accepted()).toBe(false);
      expect(readFileSync(path, 'utf8')).not.toContain(kept);
      expect(start({ ...NOTHING, pepper: given }).accepted()).toBe(false);
      expect(start().pepper).not.toBe(kept);
    },
  );
});

describe('the file of the secrets, and the release before', () => {
  /** The strict schema of the previous release. */
  const before = z.strictObject({ pepper: z.string().min(16), adminSecretDigest: z.string().min(1).optional() });
  const inFile = () => before.parse(JSON.parse(readFileSync(path, 'utf8')));

  it('is read by it, whatever was given', () => {
    for (const pepper of [undefined, GIVEN_PEPPER])
      for (const adminSecret of [undefined, 'admin-secret-number-a']) {
        rmSync(path, { force: true });
        const made = start({ pepper, adminSecret });
        made.accepted();
        made.shown();
        expect(inFile().adminSecretDigest).toBe(secretDigest(adminSecret ?? made.newAdminSecret!));
        if (pepper === undefined) expect(inFile().pepper).toBe(made.pepper);
      }
  });

  it('is read as that left it: before and after it showed an admin secret, and with a pepper that was given', () => {
    writeFileSync(path, '{"pepper":"the pepper of before"}');
    expect(start()).toMatchObject({ pepper: 'the pepper of before', newAdminSecret: expect.any(String) as string });
    writeFileSync(
      path,
      JSON.stringify({ pepper: GIVEN_PEPPER, adminSecretDigest: secretDigest('admin-secret-number-a') }),
    );
    const given = start({ ...NOTHING, pepper: GIVEN_PEPPER });
    expect(matchesSecret('admin-secret-number-a', given.adminSecret)).toBe(true);
    expect(given.accepted()).toBe(true);
    expect(readFileSync(path, 'utf8')).not.toContain(GIVEN_PEPPER);
  });
});
