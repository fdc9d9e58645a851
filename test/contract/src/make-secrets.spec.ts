import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { composeFile, repository, textOf } from './compose-file.js';

const SCRIPT = 'deploy/docker/make-secrets.sh';
const { secrets } = composeFile(textOf('docker-compose.yml'));
/** Those without which docker-compose.yml does not start. */
const needed = Object.keys(secrets)
  .filter((name) => secrets[name]!.file === `./secrets/${name}`)
  .sort();

/** A checkout that has nothing but the script, perhaps with a `.env`. */
function checkout(env?: string) {
  const folder = tempFolder('tollgate-secrets');
  mkdirSync(join(folder, 'deploy/docker'), { recursive: true });
  copyFileSync(join(repository, SCRIPT), join(folder, SCRIPT));
  chmodSync(join(folder, SCRIPT), 0o755);
  if (env !== undefined) writeFileSync(join(folder, '.env'), env);
  const path = (name: string): string => join(folder, 'secrets', name);
  return {
    path,
    /** Runs the script, from another folder, and returns what it said. */
    run: (variables: Readonly<Record<string, string>> = {}): string =>
      execFileSync(join(folder, SCRIPT), {
        cwd: '/',
        encoding: 'utf8',
        env: { PATH: process.env['PATH']!, ...variables },
      }),
    secret: (name: string): string => readFileSync(path(name), 'utf8'),
    names: (): string[] => readdirSync(join(folder, 'secrets')).sort(),
  };
}

describe('the script that makes the secrets of docker-compose.yml', () => {
  it('makes all that are needed, each another one, but for what a provider gives, of which it says that it is missing', () => {
    const { run, names, secret, path } = checkout();
    expect(run()).toContain('secrets/openai_api_key is missing');
    expect(names()).toEqual(needed.filter((name) => name !== 'openai_api_key'));
    const made = names().map(secret);
    expect(new Set(made).size).toBe(made.length);
    // Letters and digits alone, and no line end: some stand in quotes of other programs' settings.
    for (const text of made) expect(text).toMatch(/^[0-9a-f]{48}$/);
    // The users of the containers read the files; nobody else of the machine comes into the folder.
    expect(statSync(path('.')).mode & 0o777).toBe(0o700);
    for (const name of names()) expect(statSync(path(name)).mode & 0o777).toBe(0o444);
  });

  it('never changes one that is there, and says no secret', () => {
    const { run, names, secret } = checkout();
    const said = run({ OPENAI_API_KEY: 'sk-of-a-provider' });
    const before = names().map(secret);
    expect(names()).toEqual(needed);
    for (const text of before) expect(said).not.toContain(text);
    expect(run({ OPENAI_API_KEY: 'another', TOLLGATE_PEPPER: 'another-pepper-of-now' })).toBe('');
    expect(names().map(secret)).toEqual(before);
  });

  it('takes over what the .env of a former release says, as it stood there', () => {
    const { run, secret } = checkout(
      [
        '# A comment',
        'TOLLGATE_PEPPER=PepperPepperPepper',
        'TOLLGATE_ADMIN_SECRET="Quoted=With=Signs"',
        "export TOLLGATE_SERVICE_SECRET='ServiceServiceService'\r",
        'TOLLGATE_POSTGRES_PASSWORD=first',
        'TOLLGATE_POSTGRES_PASSWORD=PostgresPostgres',
        'TOLLGATE_KEYS_POSTGRES_PASSWORD=KeysKeysKeysKeys',
        'TOLLGATE_ENCRYPTION_KEY=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff',
        'OPENAI_API_KEY=sk-of-a-provider',
      ].join('\n'),
    );
    const said = run();
    expect(secret('tollgate_pepper')).toBe('PepperPepperPepper');
    expect(secret('tollgate_admin_secret')).toBe('Quoted=With=Signs');
    expect(secret('tollgate_service_secret')).toBe('ServiceServiceService');
    // Compose takes the last line of a name as well.
    expect(secret('database_migration_password')).toBe('PostgresPostgres');
    expect(secret('database_password_key_management')).toBe('KeysKeysKeysKeys');
    expect(secret('openai_api_key')).toBe('sk-of-a-provider');
    // Without it all that is encrypted would be read with a key that is derived from the pepper.
    expect(secret('tollgate_encryption_key')).toMatch(/^0011/);
    expect(said).toContain('TOLLGATE_ENCRYPTION_KEY_FILE=./secrets/tollgate_encryption_key');
  });
});
