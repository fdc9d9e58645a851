import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { matchesSecret } from '@tollgate/http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { instanceSecrets } from './instance-secrets.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-instance-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const NOTHING = { pepper: undefined, adminSecret: undefined };

describe('the secrets of an installation', () => {
  it('are made on the first start, and the admin secret is shown that once', () => {
    const first = instanceSecrets(folder, NOTHING);
    const second = instanceSecrets(folder, NOTHING);
    expect(second.newAdminSecret).toBeNull();
    expect(second.pepper).toBe(first.pepper);
    expect(matchesSecret(first.newAdminSecret!, second.adminSecret)).toBe(true);
  });
  it('leave no admin secret on disk, and nothing for other users', () => {
    const { newAdminSecret } = instanceSecrets(folder, NOTHING);
    const path = join(folder, 'instance.json');
    expect(readFileSync(path, 'utf8')).not.toContain(newAdminSecret);
    expect(statSync(path).mode & 0o077).toBe(0);
  });
  it('are those of the environment where it gives them', () => {
    const given = { pepper: 'a pepper of the environment', adminSecret: 'an-admin-secret-of-the-environment' };
    expect(instanceSecrets(folder, given)).toEqual({ ...given, newAdminSecret: null });
    expect(instanceSecrets(folder, { ...NOTHING, adminSecret: given.adminSecret })).toMatchObject({ adminSecret: given.adminSecret, newAdminSecret: null });
  });
});
