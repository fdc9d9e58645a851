import { readdirSync, readFileSync } from 'node:fs';
import { isSecretVariable, TOLLGATE_VARIABLES, twinOf, variablesIn } from '@tollgate/config';
import { gatewayEnvironment } from '@tollgate/gateway';
import { keyManagementCommands, keyManagementEnvironment } from '@tollgate/key-management';
import { secretScanningEnvironment, secretScanningMigrate } from '@tollgate/secret-scanning';
import { usageBillingCommands, usageBillingEnvironment } from '@tollgate/usage-billing';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { environment } from './config.js';

const schemas: Readonly<Record<string, z.ZodObject>> = {
  standalone: environment,
  gateway: gatewayEnvironment,
  'key-management': keyManagementEnvironment,
  'usage-billing': usageBillingEnvironment,
  'secret-scanning': secretScanningEnvironment,
  'secret-scanning migrate': secretScanningMigrate,
  ...keyManagementCommands,
  ...Object.fromEntries(Object.entries(usageBillingCommands).map(([name, each]) => [`usage-billing ${name}`, each])),
};
const entries = Object.entries(schemas);
const variables = (schema: z.ZodObject) => Object.entries(schema.shape) as [string, z.ZodType][];

/** Whether a schema takes a URL with a password in it. */
const takesPassword = (schema: z.ZodType): boolean =>
  ['postgres', 'redis', 'rediss', 'smtp', 'smtps', 'http', 'https', 'kafka', 'amqp'].some(
    (scheme) => schema.safeParse(`${scheme}://user:password@host.example:1000/1`).success,
  );
/** Parts of names that secrets have. A URL is one if it can have a password, which is tried. */
const SECRET_NAME = /(?:SECRET|PASSWORD|PASSPHRASE|PEPPER|TOKEN|CREDENTIAL)|(?:^|_)KEY(?:_PREVIOUS)?$|(?:^|_)KEYS$/;
/** Takes anything, and with it nothing that has to be kept: where it listens, names and folders. */
const PLAIN = /_HOST$|^(?:TOLLGATE_DATA|TOLLGATE_CONFIG|KAFKA_BROKERS|KAFKA_USERNAME)$/;
/** URLs of our own services, which have no login but the service secret. */
const WITHOUT_LOGIN = ['KEY_MANAGEMENT_URL', 'USAGE_BILLING_URL', 'SECRET_SCANNING_URL', 'TOLLGATE_PUBLIC_URL'];

describe('the environment of each app and command', () => {
  it.each(entries)('has a file in the place of each secret: %s', (_, schema) => {
    const unmarked = variables(schema)
      .filter(([name]) => !name.endsWith('_FILE') && !PLAIN.test(name) && !WITHOUT_LOGIN.includes(name))
      .filter(([name, each]) => (SECRET_NAME.test(name) && !name.endsWith('_URL')) || takesPassword(each))
      .filter(([, each]) => !isSecretVariable(each))
      .map(([name]) => name);
    expect(unmarked).toEqual([]);
    // The twin of one variable is never another one.
    expect(new Set(variablesIn(schema)).size).toBe(variablesIn(schema).length);
  });

  it.each(entries)('has a password apart for each URL of a login: %s', (_, schema) => {
    const logins = variables(schema).filter(([, each]) => isSecretVariable(each));
    const urls = logins.map(([name]) => name).filter((name) => name.endsWith('_URL'));
    for (const name of urls) {
      // The standalone says that it does not use it.
      if (schema === environment && name === 'REDIS_URL') continue;
      expect(Object.keys(schema.shape)).toContain(name.replace(/_URL$/, '_PASSWORD'));
      const authority = name.replace(/^.*DATABASE(?:_MIGRATION)?_URL$/, 'DATABASE_URL').replace(/_URL$/, '_CA_FILE');
      expect(Object.keys(schema.shape)).toContain(authority);
    }
  });

  it('has no variable that a start would call unknown', () => {
    const all = new Set(entries.flatMap(([, schema]) => variablesIn(schema)));
    const known: readonly string[] = TOLLGATE_VARIABLES;
    expect([...all].filter((name) => name.startsWith('TOLLGATE_') && !known.includes(name))).toEqual([]);
    const secret = entries.flatMap(([, schema]) => variables(schema)).filter(([, each]) => isSecretVariable(each));
    expect(secret.length).toBeGreaterThan(20);
    for (const [name] of secret) expect(all).toContain(twinOf(name));
  });

  // Whoever reads it elsewhere reads no file, and takes an empty variable for a given one.
  it('is read by readEnvironment alone, with one of these schemas', () => {
    const root = new URL('../../../', import.meta.url);
    const files = ['apps', 'libs'].flatMap((folder) =>
      readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
        .filter(
          (file) => /\/src\/.*\.ts$/.test(file) && !/node_modules|\.(?:spec|test|worker)\.ts$|\/dist\//.test(file),
        )
        .map((file) => `${folder}/${file}`),
    );
    expect(files.length).toBeGreaterThan(500);
    const reading = files.filter((file) => readFileSync(new URL(file, root), 'utf8').includes('process.env'));
    const others = reading.filter((file) => {
      const text = readFileSync(new URL(file, root), 'utf8');
      return text
        .split('\n')
        .some(
          (line) =>
            /process\.env\b/.test(line) &&
            !/(?:readEnvironment|unknownVariables|foundSecret)\(|, process\.env[,)]|process\.env, \[/.test(line),
        );
    });
    expect(others).toEqual([]);
  });
});
