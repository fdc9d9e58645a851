import { existsSync, readFileSync } from 'node:fs';
import { TOLLGATE_VARIABLES } from '@tollgate/config';
import { gatewayEnvironment } from '@tollgate/gateway';
import { appEnvironment, type Deployment, type DistributedApp } from '@tollgate/journey';
import { keyManagementEnvironment } from '@tollgate/key-management';
import { rolesOf } from '@tollgate/postgres';
import { secretScanningEnvironment } from '@tollgate/secret-scanning';
import { usageBillingEnvironment } from '@tollgate/usage-billing';
import { describe, expect, it } from 'vitest';
import { composeServices, composeText, composeVariables, repository } from './compose-file.js';

const secrets = {
  TOLLGATE_ADMIN_SECRET: 'AdminAdminAdminAdmin',
  TOLLGATE_SERVICE_SECRET: 'ServiceServiceService',
  TOLLGATE_PEPPER: 'PepperPepperPepper',
  TOLLGATE_POSTGRES_PASSWORD: 'PostgresPostgres',
  TOLLGATE_KEYS_POSTGRES_PASSWORD: 'KeysKeysKeysKeys',
  TOLLGATE_BILLING_POSTGRES_PASSWORD: 'BillingBillingBilling',
  TOLLGATE_SCANNING_POSTGRES_PASSWORD: 'ScanningScanning',
  TOLLGATE_REDIS_PASSWORD: 'RedisRedis',
};
/** Given only while a secret is being replaced. */
const previousSecrets = [
  'TOLLGATE_ADMIN_SECRET_PREVIOUS',
  'TOLLGATE_ENCRYPTION_KEY_PREVIOUS',
  'TOLLGATE_PEPPER_PREVIOUS',
  'TOLLGATE_SERVICE_SECRET_PREVIOUS',
];
const services = composeServices(secrets);
const schemas = {
  gateway: gatewayEnvironment,
  'key-management': keyManagementEnvironment,
  'usage-billing': usageBillingEnvironment,
  'secret-scanning': secretScanningEnvironment,
};
const apps = Object.keys(schemas) as DistributedApp[];
const environmentOf = (app: DistributedApp) => services[app]!.environment!;
const names = (environment: object): string[] => Object.keys(environment).sort();

/** Variables that config.yaml refers to, for the credentials of providers. */
const credentials = [...readFileSync(`${repository}config.yaml`, 'utf8').matchAll(/^[^#]*\$\{env:(\w+)\}/gm)].map(
  (match) => match[1]!,
);

describe('docker-compose.yml', () => {
  it.each(apps)('tells %s what it needs, in a form that it takes, and nothing it does not know', (app) => {
    const given = Object.fromEntries(Object.entries(environmentOf(app)).filter(([, value]) => value !== ''));
    expect(schemas[app].safeParse(given).error).toBeUndefined();
    const known = new Set([...names(schemas[app].shape), ...(app === 'gateway' ? credentials : [])]);
    expect(names(environmentOf(app)).filter((name) => !known.has(name))).toEqual([]);
  });

  it.each(apps)('tells %s what the journeys over processes tell it', (app) => {
    const deployment: Deployment = {
      databaseUrl: 'postgres://d',
      redisUrl: 'redis://r',
      kafkaBrokers: 'k:1',
      topicPrefix: 'p',
      secrets: { admin: 'a', service: 's', pepper: 'p' },
      urls: { keyManagement: 'http://k', usageBilling: 'http://u', secretScanning: 'http://s' },
      ownerEmail: 'o@e',
      outside: { TOLLGATE_CONFIG: 'config.yaml', CREDENTIAL: 'c' },
    };
    const told = names(
      appEnvironment(app, deployment, {
        port: 1,
        operationsPort: 2,
        ...(app === 'gateway' && { dataFolder: '/data' }),
      }),
    );
    // Only the journeys set these: they share one Kafka, and use a provider of their own, whose credential
    // secret-scanning reads with the configuration.
    const ofJourneys = ['KAFKA_TOPIC_PREFIX', 'CREDENTIAL'];
    // Only docker-compose.yml sets these. All have a default, but operators often want to set them.
    const ofCompose = [
      ...credentials,
      ...previousSecrets,
      'GATEWAY_GONE_AFTER_MS',
      'TOLLGATE_USAGE_EVENT_MONTHS',
      'TOLLGATE_USAGE_HOUR_DAYS',
      'TOLLGATE_USAGE_MINUTE_DAYS',
      'TOLLGATE_ADMIN_CALLS_AT_ONCE',
      'TOLLGATE_ADMIN_CALLS_PER_SECOND',
      'TOLLGATE_ENCRYPTION_KEY',
      'TOLLGATE_KEY_MARKER',
      'TOLLGATE_SESSION_IDLE_MINUTES',
      'TOLLGATE_SESSION_HOURS',
      'TOLLGATE_OIDC_PRIVATE_NETWORK',
      'TOLLGATE_DNS_SERVERS',
      'TOLLGATE_PUBLIC_URL',
      'SMTP_URL',
      'INIT_OWNER_PASSWORD',
    ];
    expect(names(environmentOf(app)).filter((name) => !ofCompose.includes(name))).toEqual(
      told.filter((name) => !ofJourneys.includes(name)),
    );
  });

  it('has no variable, nor has an app, that a start would call unknown', () => {
    const everywhere = [
      ...Object.values(schemas).flatMap((schema) => names(schema.shape)),
      ...composeVariables().map(({ name }) => name),
    ];
    expect(
      everywhere.filter(
        (name) =>
          name.startsWith('TOLLGATE_') && !TOLLGATE_VARIABLES.includes(name as (typeof TOLLGATE_VARIABLES)[number]),
      ),
    ).toEqual([]);
  });

  it('sends services to one another where they listen, and to the servers as they are set up', () => {
    for (const app of apps) {
      for (const [name, value] of Object.entries(environmentOf(app))) {
        if (!/^(KEY_MANAGEMENT|USAGE_BILLING|SECRET_SCANNING|DATABASE|DATABASE_MIGRATION|REDIS|SMTP)_URL$/.test(name))
          continue;
        const { hostname, port } = new URL(value);
        expect(services, `${app} ${name}`).toHaveProperty(hostname);
        const target = apps.find((other) => other === hostname);
        if (target !== undefined) expect(port).toBe(environmentOf(target)['TOLLGATE_PORT']);
        expect(
          services[app]!.networks!.some((network) => services[hostname]!.networks!.includes(network)),
          `${app} reaches ${hostname}`,
        ).toBe(true);
      }
      expect(services['kafka']!.environment!['KAFKA_ADVERTISED_LISTENERS']).toContain(
        `//${environmentOf(app)['KAFKA_BROKERS']}`,
      );
      expect(environmentOf(app)['TOLLGATE_HOST']).toBe('0.0.0.0');
    }
    for (const app of apps.filter((name) => name !== 'gateway')) {
      const { username, password, pathname } = new URL(environmentOf(app)['DATABASE_MIGRATION_URL']!);
      expect(services['postgres']!.environment).toMatchObject({
        POSTGRES_USER: username,
        POSTGRES_PASSWORD: password,
        POSTGRES_DB: pathname.slice(1),
      });
    }
    expect(services['redis']!.command!.join(' ')).toContain(
      `--requirepass ${new URL(environmentOf('gateway')['REDIS_URL']!).password}`,
    );
    expect(services['gateway']!.networks).not.toContain(services['postgres']!.networks![0]);
  });

  it.each([
    ['key-management', 'keys', 'KeysKeysKeysKeys'],
    ['usage-billing', 'billing', 'BillingBillingBilling'],
    ['secret-scanning', 'scanning', 'ScanningScanning'],
  ] as const)('lets %s log in as its own role, with a password of its own', (app, schema, password) => {
    const [own, owner] = ['DATABASE_URL', 'DATABASE_MIGRATION_URL'].map((name) => new URL(environmentOf(app)[name]!));
    expect([own!.username, own!.password]).toEqual([rolesOf(schema).service, password]);
    expect([own!.host, own!.pathname]).toEqual([owner!.host, owner!.pathname]);
  });

  it('has a default for no secret, and does not start without one', () => {
    const looksSecret = ({ name }: { name: string }) => name in secrets || /SECRET|PASSWORD|PEPPER/.test(name);
    for (const variable of composeVariables().filter(looksSecret)) {
      // Without a password the first owner signs in by a link.
      if (previousSecrets.includes(variable.name) || variable.name === 'INIT_OWNER_PASSWORD') {
        expect(variable).toMatchObject({ required: false, default: '' });
        continue;
      }
      expect(secrets, 'a secret this test does not know').toHaveProperty(variable.name);
      expect(variable).toMatchObject({ required: true, default: null });
    }
    for (const name of Object.keys(secrets))
      expect(() => composeServices({ ...secrets, [name]: '' })).toThrow(`${name} must be set`);
    for (const credential of credentials)
      expect(composeVariables()).toContainEqual({ name: credential, required: false, default: '' });
  });

  it('publishes on loopback alone, and neither what apps say to one another nor their operations listeners', () => {
    const published = Object.entries(services).flatMap(([name, { ports = [] }]) =>
      ports.map((port) => ({ name, port })),
    );
    for (const { name, port } of published) expect(port, name).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(published.filter(({ name }) => apps.includes(name as DistributedApp))).toEqual([
      { name: 'gateway', port: `127.0.0.1:8080:${environmentOf('gateway')['TOLLGATE_PORT']}` },
    ]);
    const elsewhere = composeServices({ ...secrets, TOLLGATE_PUBLISH: '0.0.0.0' });
    expect(
      Object.values(elsewhere)
        .flatMap(({ ports = [] }) => ports)
        .filter((port) => !port.startsWith('127.0.0.1:')),
    ).toEqual(['0.0.0.0:8080:8080']);
  });

  it.each(Object.keys(services))(
    'runs %s without rights: a numeric user, nothing to write to but its own folders, no capabilities',
    (name) => {
      const service = services[name]!;
      expect(service.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        restart: 'unless-stopped',
      });
      expect(service.image).toMatch(/^[\w/-]+:v?\d+\.\d+/);
      for (const volume of service.volumes ?? [])
        if (typeof volume !== 'string' && volume.type === 'bind') expect(volume.read_only).toBe(true);
    },
  );

  it('starts each service when those it needs are healthy, and knows of each whether it is', () => {
    for (const [name, { healthcheck, depends_on = {} }] of Object.entries(services)) {
      expect(healthcheck?.test.length, name).toBeGreaterThan(1);
      for (const [needed, { condition }] of Object.entries(depends_on)) {
        expect(services).toHaveProperty(needed);
        expect(condition).toBe('service_healthy');
      }
    }
    for (const app of apps) {
      expect(services[app]!.healthcheck!.test.join(' ')).toContain(
        `http://127.0.0.1:${environmentOf(app)['TOLLGATE_OPERATIONS_PORT']}/readyz`,
      );
      const servers = Object.entries({ DATABASE_URL: 'postgres', REDIS_URL: 'redis', KAFKA_BROKERS: 'kafka' })
        .filter(([variable]) => variable in environmentOf(app))
        .map(([, server]) => server);
      expect(Object.keys(services[app]!.depends_on!)).toEqual(expect.arrayContaining(servers));
    }
  });

  it('keeps what must be kept: the ledger, the bus and each gateway’s journal; of Redis nothing', () => {
    const targets = (name: string) =>
      (services[name]!.volumes ?? []).map((volume) =>
        typeof volume === 'string' ? volume.split(':')[1] : volume.target,
      );
    expect(targets('gateway')).toContain(environmentOf('gateway')['TOLLGATE_DATA']);
    // A named volume would be shared by all gateways, and the second one would find it locked.
    expect(services['gateway']!.volumes).toContainEqual({ type: 'volume', target: '/data' });
    expect(targets('kafka')).toEqual([services['kafka']!.environment!['KAFKA_LOG_DIRS']]);
    expect(targets('postgres')).toEqual(['/var/lib/postgresql/data']);
    expect(targets('redis')).toEqual([]);
    expect(services['redis']!.command).toEqual(
      expect.arrayContaining(['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction']),
    );
  });
});

describe('the image', () => {
  const dockerfile = readFileSync(`${repository}deploy/docker/Dockerfile`, 'utf8');

  it('has every app, one user for all of them, and is what Compose builds and starts', () => {
    const [, user] = /^USER (\S+)$/m.exec(dockerfile)!;
    for (const app of apps) {
      expect(services[app]).toMatchObject({
        user,
        build: { context: '.', dockerfile: 'deploy/docker/Dockerfile' },
        command: [`apps/${app}/dist/main.js`],
      });
      expect(existsSync(`${repository}apps/${app}/src/main.ts`)).toBe(true);
      expect(dockerfile).toMatch(new RegExp(`tsc -b .*apps/${app}\\b`));
      expect(dockerfile).toContain(`--workspace apps/${app}`);
    }
  });

  it('never has a secret of the machine it is built on', () => {
    expect(readFileSync(`${repository}.gitignore`, 'utf8').split('\n')).toContain('.env');
    expect(composeText).not.toMatch(/(SECRET|PASSWORD|PEPPER):\s*["']?\w/);
  });
});
