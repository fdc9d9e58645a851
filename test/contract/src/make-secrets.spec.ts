import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { tempFolder } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { composeFile, repository, textOf } from './compose-file.js';

const SCRIPT = 'deploy/docker/make-secrets.sh';
const { secrets, services } = composeFile(textOf('docker-compose.yml'));
/** What the containers find of the checkout, but for secrets that were made. */
const mountedFiles = [
  ...new Set([
    ...Object.values(services)
      .flatMap(({ volumes = [] }) => volumes)
      .flatMap((volume) => (typeof volume === 'object' && volume.type === 'bind' ? [volume.source!] : [])),
    ...Object.values(secrets)
      .map(({ file }) => file)
      .filter((file) => !file.startsWith('./secrets/')),
  ]),
];
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
  const options = (variables: Readonly<Record<string, string>>) =>
    ({ cwd: '/', encoding: 'utf8', env: { PATH: process.env['PATH']!, ...variables }, stdio: 'pipe' }) as const;
  return {
    path,
    /** Runs the script, from another folder, and returns what it said. */
    run: (variables: Readonly<Record<string, string>> = {}): string =>
      execFileSync(join(folder, SCRIPT), options(variables)),
    /** As `run`, beside whatever else runs. */
    runBeside: () => promisify(execFile)(join(folder, SCRIPT), options({})),
    /** Writes the file of a secret, as somebody does by hand. */
    write: (name: string, text: string, mode = 0o644): void => {
      mkdirSync(join(folder, 'secrets'), { recursive: true });
      writeFileSync(path(name), text, { mode });
    },
    /** Makes what the compose file mounts besides, and returns the paths. */
    mounted: (mode: number): string[] =>
      mountedFiles.map((name) => {
        const file = join(folder, name);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, '', { mode });
        return file;
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

  // What Compose 2.26 makes of these lines, by `docker compose config`.
  it.each([
    ['TOLLGATE_PEPPER = PepperPepperPepper \r', 'PepperPepperPepper'],
    ['TOLLGATE_PEPPER: PepperPepperPepper # of 2025', 'PepperPepperPepper'],
    ['TOLLGATE_PEPPER="Pepper # Pepper" # of 2025', 'Pepper # Pepper'],
    ["TOLLGATE_PEPPER='Pepper$Pepper #1'", 'Pepper$Pepper #1'],
    ['TOLLGATE_PEPPER=Pepper#Pepper', 'Pepper#Pepper'],
    ['TOLLGATE_PEPPER=#PepperPepper', '#PepperPepper'],
    ['TOLLGATE_PEPPER=Pepper\\Pepper\\n', 'Pepper\\Pepper\\n'],
    [`TOLLGATE_PEPPER=Pep"per'Pepper`, `Pep"per'Pepper`],
    ['  export   TOLLGATE_PEPPER=p@ss/%41;(pepper)', 'p@ss/%41;(pepper)'],
    ['\uFEFFTOLLGATE_PEPPER=PepperPepperPepper\r', 'PepperPepperPepper'],
    ['TOLLGATE_PEPPER_PREVIOUS=another\nTOLLGATE_PEPPER=PepperPepperPepper', 'PepperPepperPepper'],
  ])('takes over what Compose reads in .env: %j', (line, pepper) => {
    const { run, secret } = checkout(`${line}\nLOG_LEVEL=info\n`);
    run();
    expect(secret('tollgate_pepper')).toBe(pepper);
  });

  // Another pepper than the one of before would make every key unknown.
  it.each([
    'TOLLGATE_PEPPER=Pepper$Pepper',
    'TOLLGATE_PEPPER=Pepper$$Pepper',
    'TOLLGATE_PEPPER="Pepper${USER}"',
    'TOLLGATE_PEPPER="Pepper\\"Pepper"',
    "TOLLGATE_PEPPER='Pepper\\'s pepper'",
    'TOLLGATE_PEPPER="Pepper\nPepper"',
    'TOLLGATE_PEPPER="Pepper"Pepper',
  ])('makes no other secret of what it cannot read as Compose does: %j', (line) => {
    const { run, names } = checkout(`${line}\n`);
    expect(run).toThrow('.env writes TOLLGATE_PEPPER with $');
    expect(names()).not.toContain('tollgate_pepper');
  });

  it('makes none anew while .env is there and cannot be read', () => {
    const { run, path, names } = checkout();
    mkdirSync(join(path('.'), '..', '.env'));
    expect(run).toThrow('.env cannot be read');
    expect(names()).toEqual([]);
  });

  it('goes on where a run was interrupted, and takes an empty file for one that is missing', () => {
    const { run, write, secret, names } = checkout();
    write('.tollgate_pepper.new', 'cut', 0o444);
    write('tollgate_pepper', '');
    run({ OPENAI_API_KEY: 'sk-of-a-provider' });
    expect(secret('tollgate_pepper')).toMatch(/^[0-9a-f]{48}$/);
    expect(names().filter((name) => !name.startsWith('.'))).toEqual(needed);
  });

  it('leaves each secret as the first of several runs made it, when they run at once', async () => {
    const { runBeside, secret, names } = checkout();
    const ended = await Promise.allSettled(Array.from({ length: 6 }, runBeside));
    const said = ended.map((run) =>
      run.status === 'fulfilled' ? run.value : (run.reason as { stdout: string; stderr: string }),
    );
    // Each is said to be made by one run alone, and the others leave it or say that it was made meanwhile.
    const made = said.flatMap(({ stdout }) =>
      [...stdout.matchAll(/^secrets\/(\S+): made$/gm)].map(([, name]) => name!),
    );
    expect(new Set(made).size).toBe(made.length);
    for (const { stderr } of said) expect(stderr).toMatch(/^$|was made by another run meanwhile/);
    for (const name of names()) expect(secret(name)).toMatch(/^[0-9a-f]{48}$/);
  });

  it('opens a file that somebody has written for themselves alone to the users of the containers', () => {
    const { run, write, path } = checkout();
    write('openai_api_key', 'sk-of-a-provider\n', 0o600);
    run();
    expect(statSync(path('openai_api_key')).mode & 0o004).toBe(0o004);
  });

  it('opens what is mounted of a checkout that was made for its owner alone', () => {
    const { run, mounted } = checkout();
    const files = mounted(0o600);
    expect(run()).toContain('deploy/docker/haproxy.cfg: readable for the users of the containers now');
    for (const file of files) expect(statSync(file).mode & 0o777, file).toBe(0o644);
  });

  it.each([
    ['redis_password_gateway', 'RedisRedisRedis\r\n', 'has a line end of Windows'],
    ['kafka_operator_password', 'KafkaKafkaKafka\n', 'must be letters, digits'],
    ['kafka_operator_password', 'Kafka"Kafka', 'must be letters, digits'],
  ])('refuses %s that a server would read as another one than the services do: %j', (name, text, words) => {
    const { run, write, secret } = checkout();
    write(name, text);
    expect(run).toThrow(words);
    expect(secret(name)).toBe(text);
  });

  it('refuses a folder in the place of a secret', () => {
    const { run, path } = checkout();
    mkdirSync(path('openai_api_key'), { recursive: true });
    expect(run).toThrow('secrets/openai_api_key is not a file');
  });
});
