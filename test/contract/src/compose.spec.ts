import { existsSync, readFileSync } from 'node:fs';
import {
  isSecretVariable,
  loadConfig,
  readEnvironment,
  TOLLGATE_VARIABLES,
  twinOf,
  variablesIn,
} from '@tollgate/config';
import { gatewayEnvironment } from '@tollgate/gateway';
import { appEnvironment, type Deployment, type DistributedApp } from '@tollgate/journey';
import { keyManagementEnvironment } from '@tollgate/key-management';
import { rolesOf } from '@tollgate/postgres';
import { secretScanningEnvironment } from '@tollgate/secret-scanning';
import { usageBillingEnvironment } from '@tollgate/usage-billing';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import {
  composeFile,
  composeVariables,
  repository,
  secretOf,
  textOf,
  type ComposeService,
  type ComposeVolume,
} from './compose-file.js';

const composeText = textOf('docker-compose.yml');
const file = composeFile(composeText);
const { services } = file;
const schemas = {
  gateway: gatewayEnvironment,
  'key-management': keyManagementEnvironment,
  'usage-billing': usageBillingEnvironment,
  'secret-scanning': secretScanningEnvironment,
};
const apps = Object.keys(schemas) as DistributedApp[];
const environmentOf = (app: string) => services[app]!.environment!;
const names = (environment: object): string[] => Object.keys(environment).sort();
/** Those that end: what they do must have been done before others start. */
const jobs = Object.keys(services).filter((name) => services[name]!.restart === 'no');
const stores = ['postgres', 'redis', 'kafka'];
/** The files of secrets that a service has, by the paths under which it finds them. */
const mountsOf = ({ secrets = [] }: ComposeService): Map<string, string> =>
  new Map(secrets.map(secretOf).map(({ source, target }) => [`/run/secrets/${target}`, source]));
/** Set while a secret that not every installation has is there. */
const optionalSecrets = Object.fromEntries(
  Object.entries(file.secrets).flatMap(([name, { file: path }]) =>
    path === './deploy/docker/no-secret' ? [[`${name.toUpperCase()}_FILE`, `./secrets/${name}`]] : [],
  ),
);

/** Variables that config.yaml refers to, for the credentials of providers. */
const credentials = [...textOf('config.yaml').matchAll(/^[^#]*\$\{env:(\w+)\}/gm)].map((match) => match[1]!);

describe('docker-compose.yml', () => {
  it.each(apps)('tells %s what it needs, in a form that it takes, and nothing it does not know', (app) => {
    // A password of a mail server needs the name of a user.
    for (const variables of [{}, { ...optionalSecrets, SMTP_URL: 'smtps://tollgate@mail.example.com' }]) {
      const service = composeFile(composeText, variables).services[app]!;
      const mounts = mountsOf(service);
      const secret = (path: string) =>
        mounts.has(path) ? { secret: 'a'.repeat(64) } : { fault: 'a file that does not exist', isAbsent: true };
      expect(() => readEnvironment(schemas[app] as z.ZodObject, service.environment!, secret)).not.toThrow();
    }
    const known = new Set([...variablesIn(schemas[app]), 'NODE_OPTIONS']);
    if (app === 'gateway') for (const credential of credentials) known.add(twinOf(credential));
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
    // Only the journeys set these: they share one Kafka, use a provider of their own, whose credential secret-scanning
    // reads with the configuration, and let the services migrate.
    const ofJourneys = ['KAFKA_TOPIC_PREFIX', 'CREDENTIAL', 'DATABASE_MIGRATION_URL'];
    // Only docker-compose.yml sets these. All have a default, but operators often want to set them.
    const ofCompose = new Set([
      ...credentials,
      ...passwords,
      ...previousSecrets,
      'GATEWAY_GONE_AFTER_MS',
      'INIT_OWNER_PASSWORD',
      'KAFKA_USERNAME',
      'NODE_OPTIONS',
      'SMTP_URL',
      'TOLLGATE_ADMIN_CALLS_AT_ONCE',
      'TOLLGATE_ADMIN_CALLS_PER_SECOND',
      'TOLLGATE_DNS_SERVERS',
      'TOLLGATE_ENCRYPTION_KEY',
      'TOLLGATE_KEY_MARKER',
      'TOLLGATE_MIGRATIONS',
      'TOLLGATE_OIDC_PRIVATE_NETWORK',
      'TOLLGATE_OPERATIONS_HOST',
      'TOLLGATE_PROXY_PROTOCOL',
      'TOLLGATE_PUBLIC_URL',
      'TOLLGATE_SESSION_HOURS',
      'TOLLGATE_SESSION_IDLE_MINUTES',
      'TOLLGATE_STOP_WINDOW_SECONDS',
      'TOLLGATE_USAGE_EVENT_MONTHS',
      'TOLLGATE_USAGE_HOUR_DAYS',
      'TOLLGATE_USAGE_MINUTE_DAYS',
    ]);
    const fromCompose = names(environmentOf(app)).map((name) => name.replace(/_FILE$/, ''));
    const notTold = (name: string) => ofJourneys.includes(name) || ofCompose.has(name);
    expect(fromCompose.filter((name) => !ofCompose.has(name)).sort()).toEqual(told.filter((name) => !notTold(name)));
  });

  it('has no variable, nor has an app, that a start would call unknown', () => {
    const everywhere = [
      ...Object.values(schemas).flatMap((schema) => variablesIn(schema)),
      ...composeVariables(composeText).map(({ name }) => name),
      ...composeVariables(textOf('docker-compose.dev.yml')).map(({ name }) => name),
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
        if (!/^(KEY_MANAGEMENT|USAGE_BILLING|SECRET_SCANNING|DATABASE|REDIS|SMTP)_URL$/.test(name)) continue;
        const { hostname, port } = new URL(value);
        expect(services, `${app} ${name}`).toHaveProperty(hostname);
        const target = apps.find((other) => other === hostname);
        if (target !== undefined) expect(port).toBe(environmentOf(target)['TOLLGATE_PORT']);
        expect(shareNetwork(app, hostname), `${app} reaches ${hostname}`).toBe(true);
      }
      expect(environmentOf('kafka')['KAFKA_ADVERTISED_LISTENERS']).toContain(
        `//${environmentOf(app)['KAFKA_BROKERS']}`,
      );
      expect(shareNetwork(app, 'kafka')).toBe(true);
      expect(environmentOf(app)).toMatchObject({
        TOLLGATE_HOST: '0.0.0.0',
        // From outside of the container: for Prometheus, and the balancer, which asks gateways whether they are ready.
        TOLLGATE_OPERATIONS_HOST: '0.0.0.0',
        KAFKA_USERNAME: app,
      });
      const redisUrl = environmentOf(app)['REDIS_URL'];
      if (redisUrl !== undefined) expect(new URL(redisUrl).username).toBe(app);
    }
  });

  it('lets nobody reach what they do not need', () => {
    const reached = (name: string) =>
      Object.keys(services)
        .filter((other) => other !== name && !jobs.includes(other) && shareNetwork(name, other))
        .filter((other) => services[other]!.profiles === undefined)
        .sort();
    expect(reached('postgres')).toEqual(['key-management', 'secret-scanning', 'usage-billing']);
    expect(reached('redis')).toEqual(['gateway', 'key-management', 'usage-billing']);
    expect(reached('kafka')).toEqual([...apps].sort());
    expect(reached('balancer')).toEqual(['gateway', 'mail']);
  });

  it('has a way out for those alone that call others, and for what is published', () => {
    const open = Object.keys(file.networks).filter((name) => file.networks[name]?.internal !== true);
    expect(open.sort()).toEqual(['front', 'outside']);
    expect(file.networks['front']).toMatchObject({
      driver_opts: { 'com.docker.network.bridge.enable_ip_masquerade': 'false' },
    });
    const on = (network: string) =>
      Object.keys(services).filter((name) => services[name]!.networks?.includes(network) === true);
    expect(on('outside').filter((name) => services[name]!.profiles === undefined)).toEqual(apps);
    expect(on('front')).toEqual(Object.keys(services).filter((name) => services[name]!.ports !== undefined));
  });

  it.each([
    ['key-management', 'keys'],
    ['usage-billing', 'billing'],
    ['secret-scanning', 'scanning'],
  ] as const)('lets %s log in as its own role, and leaves its migrations, as the owner, to a job', (app, schema) => {
    const own = new URL(environmentOf(app)['DATABASE_URL']!);
    expect([own.username, own.password]).toEqual([rolesOf(schema).service, '']);
    expect(environmentOf(app)['TOLLGATE_MIGRATIONS']).toBe('wait');
    const job = services[`${app}-migrations`]!;
    expect(job.command).toEqual([`apps/${app}/dist/migrate.js`]);
    expect(job.environment!['DATABASE_URL']).toBe(own.href);
    const owner = new URL(job.environment!['DATABASE_MIGRATION_URL']!);
    expect([owner.host, owner.pathname]).toEqual([own.host, own.pathname]);
    expect(environmentOf('postgres')).toMatchObject({
      POSTGRES_USER: owner.username,
      POSTGRES_DB: owner.pathname.slice(1),
      POSTGRES_PASSWORD_FILE: job.environment!['DATABASE_MIGRATION_PASSWORD_FILE'],
    });
    expect(mountsOf(services[app]!).get('/run/secrets/database_password')).toBe(
      mountsOf(job).get('/run/secrets/database_password'),
    );
    expect(services[app]!.depends_on).toMatchObject({
      [`${app}-migrations`]: { condition: 'service_completed_successfully' },
    });
    for (const each of apps)
      expect([...mountsOf(services[each]!).values()]).not.toContain('database_migration_password');
  });

  it('publishes on loopback alone: the balancer, and the page of the mail catcher, and no store', () => {
    const published = (variables: Readonly<Record<string, string>>) =>
      Object.entries(composeFile(composeText, variables).services).flatMap(([name, { ports = [] }]) =>
        ports.map((port) => `${name} ${port}`),
      );
    expect(published({})).toEqual(['balancer 127.0.0.1:8080:8080', 'mail 127.0.0.1:8025:8025']);
    expect(published({ TOLLGATE_PUBLISH: '0.0.0.0', TOLLGATE_PUBLISHED_PORT: '443' })).toEqual([
      'balancer 0.0.0.0:443:8080',
      'mail 127.0.0.1:8025:8025',
    ]);
  });

  it.each(Object.keys(services))(
    'runs %s without rights and within bounds: memory, processes, what it can write to',
    (name) => {
      const service = services[name]!;
      expect(service.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
      expect(service).toMatchObject({
        init: true,
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        restart: jobs.includes(name) ? 'no' : 'unless-stopped',
      });
      expect(service.privileged).toBeUndefined();
      expect(service.image).toMatch(/^[\w/-]+:v?\d+\.\d+/);
      expect(service.mem_limit).toMatch(/^\d+[mg]$/);
      expect(service.pids_limit).toBeGreaterThan(0);
      for (const mount of service.tmpfs ?? []) {
        const options = mount.split(':')[1]!.split(',');
        expect(options, `${name} ${mount}`).toEqual(expect.arrayContaining(['nosuid', 'nodev']));
        expect(options.some((option) => /^size=\d+m$/.test(option))).toBe(true);
        // Kafka runs a library that it unpacks there.
        if (!(name === 'kafka' && mount.startsWith('/tmp:'))) expect(options).toContain('noexec');
      }
      for (const volume of service.volumes ?? []) {
        if (typeof volume === 'string' || volume.type !== 'bind') continue;
        // A path that is not there is said, and does not become a folder.
        expect(volume).toMatchObject({ read_only: true, bind: { create_host_path: false } });
      }
    },
  );

  it('starts each service when those it needs are healthy or done, and knows of each whether it is', () => {
    for (const [name, { healthcheck, depends_on = {} }] of Object.entries(services)) {
      if (jobs.includes(name)) expect(healthcheck).toEqual({ disable: true });
      else {
        expect(healthcheck!.test!.length, name).toBeGreaterThan(1);
        // A check costs the engine more than what it checks: seldom, once a container runs.
        expect(healthcheck).toMatchObject({ interval: '30s', start_interval: '1s' });
      }
      for (const [needed, { condition }] of Object.entries(depends_on)) {
        expect(services).toHaveProperty(needed);
        expect(condition).toBe(jobs.includes(needed) ? 'service_completed_successfully' : 'service_healthy');
      }
    }
    for (const app of apps) {
      expect(services[app]!.healthcheck!.test).toEqual(['CMD', 'bash', 'deploy/docker/health.sh']);
      const servers = Object.entries({ REDIS_URL: 'redis', KAFKA_BROKERS: 'kafka' })
        .filter(([variable]) => variable in environmentOf(app))
        .map(([, server]) => server);
      expect(Object.keys(services[app]!.depends_on!)).toEqual(expect.arrayContaining(['kafka-rights', ...servers]));
    }
  });

  it('restarts what is in the network of another container behind it: in the network of before nothing answers', () => {
    const guests = Object.entries(services).flatMap(([name, { network_mode: mode, depends_on: needs = {} }]) => {
      const host = /^service:(.+)$/.exec(mode ?? '')?.[1];
      return host === undefined ? [] : [[name, needs[host]?.restart ?? false]];
    });
    expect(guests).toEqual([['kafka-rights', true]]);
  });

  it('keeps what must be kept: the ledger, the bus and the journals of all gateways, each under a name', () => {
    const targets = (name: string) =>
      (services[name]!.volumes ?? []).map((volume) =>
        typeof volume === 'string' ? volume.split(':')[1] : volume.target,
      );
    const data = services['gateway']!.volumes!.find(
      (volume): volume is ComposeVolume => typeof volume !== 'string' && volume.type === 'volume',
    )!;
    // Without a name each container would have its own, which `down` leaves behind with what it holds.
    expect(data).toEqual({ type: 'volume', source: 'journals', target: environmentOf('gateway')['TOLLGATE_DATA'] });
    expect(targets('kafka')).toEqual([environmentOf('kafka')['KAFKA_LOG_DIRS']]);
    expect(targets('postgres')).toEqual(['/var/lib/postgresql/data']);
    expect(targets('redis')).toEqual(['/tollgate/start-redis.sh']);
    expect(names(file.volumes)).toEqual(['journals', 'kafka', 'postgres']);
    expect(file.name).toBe('tollgate');
  });

  it('lets Redis be full before the kernel ends it, and Node.js collect its garbage before that', () => {
    const megabytes = (text: string) =>
      Number(/^(\d+)m/.exec(text.replace(/^(\d+)g$/, (_, n: string) => `${Number(n) * 1024}m`))![1]);
    const { command, mem_limit } = services['redis']!;
    expect(megabytes(command![command!.indexOf('--maxmemory') + 1]!)).toBeLessThanOrEqual(0.75 * megabytes(mem_limit!));
    for (const app of apps) {
      const heap = Number(/--max-old-space-size=(\d+)/.exec(environmentOf(app)['NODE_OPTIONS']!)![1]);
      const { limits } = loadConfig(`${repository}config.yaml`, () => undefined);
      const bodies = app === 'gateway' ? limits.bodiesBytesMax / 2 ** 20 : 0;
      expect(heap + bodies, app).toBeLessThanOrEqual(0.7 * megabytes(services[app]!.mem_limit!));
    }
  });
});

/** What is given only while a secret is being replaced. */
const previousSecrets = [
  'TOLLGATE_ADMIN_SECRET',
  'TOLLGATE_ENCRYPTION_KEY',
  'TOLLGATE_PEPPER',
  'TOLLGATE_SERVICE_SECRET',
].map((name) => `${name}_PREVIOUS`);
/** The journeys' URLs have their passwords in them. */
const passwords = ['DATABASE_PASSWORD', 'REDIS_PASSWORD', 'KAFKA_PASSWORD', 'SMTP_PASSWORD'];

describe('the secrets of docker-compose.yml', () => {
  it('are files, of which the environment says the paths', () => {
    for (const app of apps) {
      const { shape } = schemas[app] as z.ZodObject;
      for (const [name, value] of Object.entries(environmentOf(app))) {
        if (!(name in shape) || !isSecretVariable(shape[name]!)) continue;
        expect(name, app).toMatch(/_URL$/);
        expect(new URL(value).password, `${app} ${name}`).toBe('');
      }
    }
    const looksSecret = /SECRET(?!_SCANNING_URL)|PASSWORD|PEPPER|API_KEY|ENCRYPTION_KEY/;
    for (const [service, { environment = {}, command = [], entrypoint = [] }] of Object.entries(services)) {
      for (const [name, value] of Object.entries(environment)) {
        if (!looksSecret.test(name)) continue;
        expect(name, service).toMatch(/_FILE$/);
        if (value !== '') expect(value).toMatch(/^\/run\/secrets\/\w+$/);
      }
      expect([...command, ...entrypoint].join(' '), service).not.toMatch(/requirepass|password/i);
    }
    for (const { name } of composeVariables(composeText)) if (looksSecret.test(name)) expect(name).toMatch(/_FILE$/);
  });

  it('are there for whoever is told of them, and for nobody else', () => {
    for (const variables of [{}, optionalSecrets]) {
      for (const [name, service] of Object.entries(composeFile(composeText, variables).services)) {
        const told = Object.entries(service.environment ?? {}).flatMap(([variable, value]) =>
          variable.endsWith('_FILE') && value !== '' ? [value] : [],
        );
        const mounts = mountsOf(service);
        for (const path of told) expect([...mounts.keys()], name).toContain(path);
        // Redis' script reads the folder, and Kafka's login names a file in it.
        if (name === 'redis' || name === 'kafka' || variables !== optionalSecrets) continue;
        expect([...mounts.keys()].sort(), name).toEqual([...new Set(told)].sort());
      }
    }
    expect([...mountsOf(services['kafka']!).keys()]).toEqual(['/run/secrets/kafka_operator_password']);
    expect(environmentOf('kafka')['KAFKA_LISTENER_NAME_OPERATOR_PLAIN_SASL_JAAS_CONFIG']).toContain(
      'password="${directory:/run/secrets:kafka_operator_password}"',
    );
  });

  it('are of one service each, where a service logs in', () => {
    const users = new Map<string, string[]>();
    for (const app of apps)
      for (const [path, source] of mountsOf(services[app]!))
        if (/database_password|redis_password|kafka_password/.test(path))
          users.set(source, [...(users.get(source) ?? []), app]);
    expect(users.size).toBe(3 + 3 + 4);
    for (const [source, by] of users) expect(by, source).toHaveLength(1);
  });

  it('are made by the script, or given', () => {
    const required = names(file.secrets).filter((name) => file.secrets[name]!.file === `./secrets/${name}`);
    for (const name of required) expect(textOf('deploy/docker/make-secrets.sh')).toMatch(scriptMakes(name));
    for (const name of Object.keys(optionalSecrets))
      expect(composeVariables(composeText).map((each) => each.name)).toContain(name);
    expect(readFileSync(`${repository}deploy/docker/no-secret`, 'utf8')).toBe('');
    expect(textOf('.gitignore').split('\n')).toEqual(expect.arrayContaining(['.env', 'secrets/']));
  });
});

/** make-secrets.spec.ts runs the script; here it is only that the script knows the name. */
function scriptMakes(name: string): RegExp {
  const [, service] = /^(?:redis_password|kafka)_(\w+?)(?:_password)?$/.exec(name) ?? [];
  return new RegExp(service === undefined || name === 'kafka_operator_password' ? `\\b${name}\\b` : `\\b${service}\\b`);
}

describe('the balancer', () => {
  const text = textOf('deploy/docker/haproxy.cfg');
  const seconds = (setting: string): number => {
    const [, count, unit] = new RegExp(`^\\s*timeout ${setting} (\\d+)([sm])$`, 'm').exec(text)!;
    return Number(count) * (unit === 'm' ? 60 : 1);
  };

  it('waits longer than a gateway for a model that thinks, so that the gateway ends the call and books it', () => {
    const { providers } = loadConfig(`${repository}config.yaml`, () => undefined);
    for (const { timeoutMs } of providers)
      for (const setting of ['client', 'server']) expect(seconds(setting)).toBeGreaterThan(timeoutMs / 1_000);
  });

  it('sends a call once more only where no connection was made', () => {
    expect([...text.matchAll(/^\s*retry-on (.*)$/gm)].map((match) => match[1])).toEqual(['conn-failure']);
  });

  it('asks Docker for the gateways again and again, and each whether it is ready', () => {
    const { TOLLGATE_PORT, TOLLGATE_OPERATIONS_PORT, TOLLGATE_PROXY_PROTOCOL } = environmentOf('gateway');
    expect(text).toContain('nameserver docker 127.0.0.11:53');
    expect(text).toContain('option httpchk GET /readyz');
    expect(text).toMatch(
      new RegExp(
        `server-template gateway- \\d+ gateway:${TOLLGATE_PORT} check port ${TOLLGATE_OPERATIONS_PORT} .*resolvers docker`,
      ),
    );
    // The gateway takes the caller's address from what the balancer sends before each connection, and from nobody else.
    expect([TOLLGATE_PROXY_PROTOCOL, text.includes(' send-proxy-v2 ')]).toEqual(['v2', true]);
  });

  it('lets the calls under way end when it stops, for as long as a gateway would', () => {
    const { stop_signal, stop_grace_period } = services['balancer'] as ComposeService & { stop_signal: string };
    expect([stop_signal, stop_grace_period]).toEqual(['SIGUSR1', services['gateway']!.stop_grace_period]);
  });
});

describe('docker-compose.dev.yml', () => {
  const dev = composeFile(textOf('docker-compose.dev.yml'));

  it('publishes the stores, on loopback alone, and changes nothing else', () => {
    expect(names(dev.services)).toEqual([...stores].sort());
    for (const [name, service] of Object.entries(dev.services)) {
      expect(Object.keys(service).filter((key) => !['ports', 'networks', 'environment'].includes(key))).toEqual([]);
      for (const port of service.ports!) expect(port, name).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    }
  });

  it('lets nobody into Kafka without a password', () => {
    const { KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: map } = {
      ...environmentOf('kafka'),
      ...dev.services['kafka']!.environment,
    };
    for (const listener of map!.split(',')) expect(listener).toMatch(/:SASL_PLAINTEXT$/);
  });
});

describe('the image that docker-compose.yml builds', () => {
  it('is one for all services, which start what it has, as its user', () => {
    for (const app of [...apps, ...jobs]) {
      const { build, user, pull_policy, command } = services[app]!;
      expect([build!.context, build!.dockerfile, user, pull_policy]).toEqual([
        '.',
        'deploy/docker/Dockerfile',
        '10001:10001',
        'build',
      ]);
      const source = command![0]!.replace('/dist/', '/src/').replace(/\.js$/, '.ts');
      expect(existsSync(repository + source), source).toBe(true);
    }
  });

  it('is the one with simulators for the demonstration alone', () => {
    for (const [name, { build, profiles, image }] of Object.entries(services)) {
      if (build === undefined) continue;
      expect([build.target, image.split(':')[0]], name).toEqual(
        profiles?.includes('demo') === true ? ['demo', 'tollgate-demo'] : [undefined, 'tollgate'],
      );
    }
  });
});

/** Whether two services are on one network. What has none of its own is on that of another. */
function shareNetwork(one: string, other: string): boolean {
  const networksOf = (name: string): readonly string[] => services[name]!.networks ?? [];
  return networksOf(one).some((network) => networksOf(other).includes(network));
}
