import type { DataSource } from 'typeorm';
import { describe, expect, it } from 'vitest';
import { ensureServiceRoles, loginOf } from './service-roles.js';

const URL_OF_ROLE = 'postgres://tollgate_keys:hunter22hunter22@127.0.0.1/tollgate';
const NONE = {
  user: 'owner',
  service: false,
  can_login: false,
  unbound: false,
  all_tenants: false,
  granted: false,
  login_is_apart: false,
};
const ALL = { ...NONE, service: true, can_login: true, all_tenants: true, granted: true };

/** A server that is in these states one after the other, the last for good, and refuses statements with `codes`. */
function server(states: readonly object[], ...codes: string[]): { dataSource: DataSource; ran: string[] } {
  const ran: string[] = [];
  let asked = 0;
  const query = (sql: string): Promise<unknown> => {
    if (sql.includes('FROM given')) return Promise.resolve([states[Math.min(asked++, states.length - 1)]]);
    const code = codes.shift();
    if (code !== undefined) return Promise.reject(Object.assign(new Error('refused'), { code }));
    ran.push(sql);
    return Promise.resolve([]);
  };
  return { dataSource: { query } as unknown as DataSource, ran };
}

describe('the roles of a service', () => {
  it('are made with the password of the URL that names the role, which the server is not told in clear', async () => {
    const { dataSource, ran } = server([NONE, ALL]);
    await ensureServiceRoles(dataSource, 'keys', URL_OF_ROLE);
    expect(ran).toEqual([
      expect.stringMatching(/^CREATE ROLE tollgate_keys NOINHERIT LOGIN PASSWORD 'SCRAM-SHA-256\$4096:[^']+'$/),
      'CREATE ROLE tollgate_keys_all_tenants NOLOGIN',
      'GRANT tollgate_keys_all_tenants TO tollgate_keys',
    ]);
    expect(ran.join()).not.toContain('hunter22');
  });

  it('log nobody in where the URL names another user, who may act as them', async () => {
    const { dataSource, ran } = server([{ ...NONE, login_is_apart: true }, ALL]);
    await ensureServiceRoles(dataSource, 'keys', 'postgres://the"owner:x@127.0.0.1/tollgate');
    expect(ran[0]).toBe('CREATE ROLE tollgate_keys NOINHERIT NOLOGIN');
    expect(ran.at(-1)).toBe('GRANT tollgate_keys, tollgate_keys_all_tenants TO "the""owner"');
  });

  it('keep their password where they can log in, for another installation may use them', async () => {
    const { dataSource, ran } = server([ALL]);
    await ensureServiceRoles(dataSource, 'keys', URL_OF_ROLE);
    expect(ran).toEqual([]);
  });

  it('get a password where they were made without a login', async () => {
    const { dataSource, ran } = server([{ ...ALL, can_login: false }, ALL]);
    await ensureServiceRoles(dataSource, 'keys', URL_OF_ROLE);
    expect(ran).toEqual([expect.stringMatching(/^ALTER ROLE tollgate_keys LOGIN PASSWORD 'SCRAM-/)]);
  });

  it('are asked of an administrator, without the password, where the owner may not make them', async () => {
    const { dataSource } = server([NONE], '42501');
    const refused = await ensureServiceRoles(dataSource, 'keys', URL_OF_ROLE).catch((error: Error) => error.message);
    expect(refused).toMatch(
      /^DATABASE_MIGRATION_URL: the role owner may not make the roles of the service; let an administrator run: CREATE ROLE tollgate_keys NOINHERIT LOGIN PASSWORD '<the password of DATABASE_URL>'; CREATE ROLE [^\n]*; GRANT [^\n]*$/,
    );
    expect(refused).not.toMatch(/hunter22|SCRAM/);
  });

  it.each(['42710', '23505', 'XX000'])('are looked at again where another process makes them (%s)', async (code) => {
    const { dataSource, ran } = server([NONE, { ...ALL, granted: false }, ALL], code);
    await ensureServiceRoles(dataSource, 'keys', URL_OF_ROLE);
    expect(ran).toEqual(['GRANT tollgate_keys_all_tenants TO tollgate_keys']);
  });

  it('are refused where no policy binds them', async () => {
    const { dataSource } = server([{ ...ALL, unbound: true }]);
    await expect(ensureServiceRoles(dataSource, 'keys', URL_OF_ROLE)).rejects.toThrow(
      /^DATABASE_URL: row-level security does not bind the role tollgate_keys; .*ALTER ROLE tollgate_keys NOSUPERUSER NOBYPASSRLS$/,
    );
  });

  it('log in with what a URL says, decoded; a URL without a user says nothing', () => {
    expect(loginOf('postgres://a%40b:p%2Fw@127.0.0.1/x')).toEqual({ user: 'a@b', password: 'p/w' });
    expect(loginOf('postgres://a@127.0.0.1/x')).toEqual({ user: 'a', password: null });
    expect(loginOf('postgres://127.0.0.1/x')).toBeNull();
  });
});
