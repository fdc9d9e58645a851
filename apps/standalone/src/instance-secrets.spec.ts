import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { matchesSecret } from '@tollgate/http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { instanceSecrets } from './instance-secrets.js';
import { StartFault } from '@tollgate/app-process';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-instance-'));
  path = join(folder, 'instance.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const NOTHING = { pepper: undefined, adminSecret: undefined };
const start = (given: { pepper: string | undefined; adminSecret: string | undefined } = NOTHING) => instanceSecrets(folder, given);

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
    for (const { newAdminSecret } of unfinished) expect(matchesSecret(newAdminSecret!, start().adminSecret)).toBe(false);
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
});
