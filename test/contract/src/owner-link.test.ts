import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { infraFromEnvironment } from '@tollgate/infra';
import { keyManagementSchema } from '@tollgate/key-management';
import { migrate, openDatabase } from '@tollgate/postgres';
import { describe, expect, it } from 'vitest';

const DIST = new URL('../../../apps/key-management/dist/', import.meta.url);

interface Run {
  readonly code: number;
  readonly output: string;
  readonly faults: string;
}

const ownerLink = (environment: Readonly<Record<string, string>>) => runOf('owner-link.js', environment);

/** Runs a command with these settings and no others. */
function runOf(script: string, environment: Readonly<Record<string, string>>): Promise<Run> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [fileURLToPath(new URL(script, DIST))],
      { env: { ...environment } },
      (error, output, faults) => {
        resolve({ code: error === null ? 0 : Number(error.code), output, faults });
      },
    );
  });
}

describe('npm run owner-link', () => {
  it('prints a link to the configured origin, whose token the database knows by its digest alone', async () => {
    const url = await infraFromEnvironment().createDatabase();
    await migrate(url, keyManagementSchema);
    const settings = {
      DATABASE_URL: url,
      TOLLGATE_PUBLIC_URL: 'https://ai.example.com',
      INIT_OWNER_EMAIL: 'Ada@Example.org',
    };
    const { code, output, faults } = await ownerLink(settings);
    expect([code, faults]).toEqual([0, '']);
    expect(output).toContain('ada@example.org signs in by this link, once and within an hour:\n');
    const token = /^ {2}https:\/\/ai\.example\.com\/sign-in-link#token=([\w-]{43})$/m.exec(output)?.[1];
    const database = await openDatabase({ url, poolSize: 1, applicationName: 'contract' });
    try {
      const rows = await database.dataSource.query(
        `SELECT encode(t.digest, 'hex') AS digest, t.purpose, m.role FROM keys.one_time_token AS t
         JOIN keys.member AS m ON m.person_id = t.person_id WHERE m.organization_id = 'default'`,
      );
      const digest = createHash('sha256').update(token!).digest('hex');
      expect(rows).toEqual([{ digest, purpose: 'sign_in_link', role: 'owner' }]);
    } finally {
      await database.close();
    }
  });

  it('says in one line what to mend', async () => {
    const unprepared = await ownerLink({ DATABASE_URL: await infraFromEnvironment().createDatabase() });
    expect(unprepared.code).toBe(1);
    expect(unprepared.faults).toMatch(/^no link was made: DATABASE_URL: .*start key-management first\n$/);
    const unsaid = await ownerLink({ INIT_OWNER_EMAIL: 'a@b,c@d' });
    expect(unsaid.code).toBe(1);
    expect(unsaid.faults).toContain('DATABASE_URL');
    expect(unsaid.faults).toContain('INIT_OWNER_EMAIL must be one e-mail address');
    expect(unsaid.faults).not.toContain('    at ');
  });
});

describe('a command that reads the database of key-management', () => {
  it.each([
    ['reseal.js', 1],
    ['audit/verify-command.js', 2],
  ])('%s says in one line that the database is not prepared, or away', async (script, status) => {
    const settings = { TOLLGATE_PEPPER: 'a pepper that is long enough to be one' };
    const url = await infraFromEnvironment().createDatabase();
    const unprepared = await runOf(script, { ...settings, DATABASE_URL: url });
    expect([unprepared.code, unprepared.output]).toEqual([status, '']);
    expect(unprepared.faults).toMatch(/^[a-z ]+: DATABASE_URL: .*start key-management first\n$/);
    const away = await runOf(script, { ...settings, DATABASE_URL: 'postgres://nobody:secret@127.0.0.1:1/none' });
    expect([away.code, away.output]).toEqual([status, '']);
    expect(away.faults).toMatch(/^[a-z ]+: DATABASE_URL: the server cannot be reached, or refuses the login\n$/);
  });
});
