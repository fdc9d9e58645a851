import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { ciFiles } from './chart/ci-files.js';
import { podOf, type Container, type KubernetesObject } from './chart/kubernetes-object.js';
import { objectsIn, refusal, render, renderText, type Values } from './chart/render.js';
import { strictSchemas } from './chart/schemas.js';
import { chartFolder } from './repository.js';

const services = ['gateway', 'key-management', 'usage-billing', 'secret-scanning'] as const;
const blocks = {
  gateway: 'gateway',
  'key-management': 'keyManagement',
  'usage-billing': 'usageBilling',
  'secret-scanning': 'secretScanning',
} as const;

const podsOf = (objects: readonly KubernetesObject[]) => objects.flatMap((object) => podOf(object) ?? []);
const containerOf = (objects: readonly KubernetesObject[], name: string): Container =>
  podsOf(objects)
    .flatMap(({ spec }) => spec.containers)
    .find((container) => container.name === name) ?? expect.fail(`there is no container ${name}`);
const variable = (objects: readonly KubernetesObject[], container: string, name: string) =>
  containerOf(objects, container).env!.find((one) => one.name === name)?.value;

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly $defs?: Readonly<Record<string, Schema>>;
}
const schema = JSON.parse(readFileSync(`${chartFolder}/values.schema.json`, 'utf8')) as Schema;

/** Values in which each name of an object of the cluster is this word. */
function everyName(word: string, of: Schema = schema, path = ''): Values {
  const entries = Object.entries(of.properties ?? {}).flatMap(([name, one]): [string, unknown][] => {
    // One or the other; and what begins with a digit is the name of no Service.
    if ((path === 'ca' && name === 'secret') || (name === 'fullnameOverride' && /^\d/.test(word))) return [];
    if (one.$ref === '#/$defs/name') return [[name, word]];
    const inner = everyName(word, one.$ref ? schema.$defs![one.$ref.slice('#/$defs/'.length)] : one, name);
    return Object.keys(inner).length > 0 ? [[name, inner]] : [];
  });
  return Object.fromEntries(entries);
}

describe('a name that YAML reads as something else', () => {
  const merged = (word: string, inCluster: boolean) => {
    const values = everyName(word) as Record<string, Record<string, Record<string, unknown>>>;
    const block = (name: string, more: object) => ({ ...values[name], ...more });
    const ca = { key: word };
    return {
      ...values,
      image: { pullSecrets: [word] },
      credentials: [{ variable: 'OPENAI_API_KEY', secret: word, key: word }],
      gateway: block('gateway', { stop: { drainSeconds: 60 }, journal: { storageClass: word } }),
      shipJournals: { claims: [word] },
      ingress: block('ingress', { enabled: true, host: word }),
      ...(inCluster
        ? {
            postgres: block('postgres', { ca: {} }),
            redis: block('redis', { ca: {} }),
            kafka: block('kafka', { ca: {} }),
          }
        : {
            postgres: block('postgres', { ca: { ...values['postgres']!['ca'], ...ca }, host: 'db' }),
            redis: block('redis', { host: word, tls: true }),
            kafka: block('kafka', { tls: true, topicPrefix: word, brokers: ['kafka:9092'] }),
          }),
    };
  };

  it.each(
    ['123', '0x1f', '1e5', 'true', 'on', 'null', 'n'].flatMap((word) => [
      [word, true] as const,
      [word, false] as const,
    ]),
  )('stays a text wherever it may stand: %s (stores in the release: %s)', async (word, inCluster) => {
    const ci = inCluster ? 'in-cluster' : 'manifests';
    const text = await renderText({ ci: [ci], values: merged(word, inCluster), namespace: word, release: 'r' });
    const faultsOf = await strictSchemas('1.37');
    const objects = objectsIn(text, '1.1');
    expect(objects.flatMap(faultsOf)).toEqual([]);
    expect(new Set(objects.map(({ metadata }) => metadata.namespace))).toEqual(new Set([word]));
  });

  it.each([
    'true',
    'on',
    'null',
    'n',
    'e5',
    'a--b',
    `${'a'.repeat(35)}-${'b'.repeat(10)}`,
    `${'a'.repeat(20)}-${'-'.repeat(20)}b`,
  ])('may be that of a release, however long: %s', async (release) => {
    const objects = objectsIn(await renderText({ ci: ['in-cluster'], release }), '1.1');
    expect(objects.flatMap(await strictSchemas('1.37'))).toEqual([]);
    for (const { kind, metadata } of objects) {
      expect(metadata.labels!['app.kubernetes.io/instance']).toBe(release);
      // A StatefulSet adds a hash to its own, a job five characters to those of its pods.
      expect(metadata.name.length, metadata.name).toBeLessThanOrEqual(
        { StatefulSet: 52, Job: 57 }[kind as string] ?? 63,
      );
      expect(metadata.name).toMatch(/^[a-z]([-a-z0-9]*[a-z0-9])?$/);
    }
  });

  it.each(['123', '9a', 'my.release'])('and cannot be that of a Service is refused: %s', async (release) => {
    const said = await refusal({ ci: ['plain'], release });
    expect(said).toContain(
      `fullnameOverride: choose a name that begins with a letter and has small letters, digits and dashes: ${release}-tollgate,`,
    );
    expect(await render({ ci: ['plain'], release, set: ['fullnameOverride=ours'] })).not.toEqual([]);
  });
});

describe('a number', () => {
  it('reaches a process in digits, however large it is', async () => {
    const environment = { TOLLGATE_FAILURES_PER_MINUTE: 9_000_000, A: 100_000_000_000, B: 0, C: true, D: '007', E: -5 };
    const objects = await render({ ci: ['plain'], values: { keyManagement: { environment } } });
    const told = Object.keys(environment).map((name) => variable(objects, 'key-management', name));
    expect(told).toEqual(['9000000', '100000000000', '0', 'true', '007', '-5']);
  });

  it('and a text reach it as they are written, with dollar signs of any kind', async () => {
    const environment = { A: 'a$(LOG_LEVEL)b$$c$', B: '"\\\'#: {}[]&*!|>%@`é\u2028', C: ' a\tb\n', D: '', E: '- x' };
    const objects = await render({ ci: ['plain'], values: { gateway: { environment } } });
    // As Kubernetes expands it: $$ is a dollar sign, and $(NAME) a variable.
    const expanded = (text: string) => text.replace(/\$(?:\$|\((\w+)\))/g, (_, name?: string) => (name ? '?' : '$'));
    for (const [name, value] of Object.entries(environment))
      expect(expanded(variable(objects, 'gateway', name)!)).toBe(value);
  });

  it('may be a part of a core, and of bytes', async () => {
    const resources = { requests: { cpu: 0.25, memory: 1_073_741_824 } };
    const objects = await render({ ci: ['plain'], values: { gateway: { resources } } });
    expect(containerOf(objects, 'gateway').resources!.requests).toEqual(resources.requests);
    expect(objects.flatMap(await strictSchemas('1.31'))).toEqual([]);
  });
});

describe('a variable that other values decide', () => {
  it.each(ciFiles)('cannot be set beside them: what a pod is built around would not follow, with %s', async (ci) => {
    const objects = await render({ ci: [ci] });
    for (const service of services) {
      const env = containerOf(objects, service).env!.map(({ name }) => name);
      const names = [...env, ...env.map((name) => name.replace(/_FILE$/, ''))].filter((name) => name !== 'LOG_LEVEL');
      const added = Object.keys(
        (parse(readFileSync(`${chartFolder}/ci/${ci}.yaml`, 'utf8')) as Record<string, { environment?: object }>)[
          blocks[service]
        ]?.environment ?? {},
      );
      const own = names.filter((name) => !added.includes(name));
      expect(own.length).toBeGreaterThan(15);
      const environment = Object.fromEntries(own.map((name) => [name, 'x']));
      const said = await refusal({ ci: [ci], values: { [blocks[service]]: { environment } } });
      for (const name of own)
        expect(said).toContain(`\n  ${blocks[service]}.environment: ${name} is decided by other values of this chart`);
    }
  });

  it('is the window too, which the time to end is made of', async () => {
    const values = { gateway: { environment: { TOLLGATE_STOP_WINDOW_SECONDS: 300 } } };
    expect(await refusal({ ci: ['plain'], values })).toContain('gateway.environment: TOLLGATE_STOP_WINDOW_SECONDS');
  });

  it('is not what one service logs', async () => {
    const objects = await render({ ci: ['plain'], set: ['gateway.environment.LOG_LEVEL=debug'] });
    expect(services.map((service) => variable(objects, service, 'LOG_LEVEL'))).toEqual([
      'debug',
      'info',
      'info',
      'info',
    ]);
  });
});

describe('an address', () => {
  it.each([
    ['::1', '[::1]'],
    ['[2001:db8::5]', '[2001:db8::5]'],
    ['2001:DB8:0:0:0:0:0:7', '[2001:db8::7]'],
    ['::ffff:10.0.0.7', '[::ffff:a00:7]'],
    ['10.0.0.7', '10.0.0.7'],
    ['db_1.example.com', 'db_1.example.com'],
  ])('of a store may be of either family: %s', async (host, read) => {
    const objects = await render({ ci: ['manifests'], values: { postgres: { host }, redis: { host } } });
    for (const [container, name] of [
      ['key-management', 'DATABASE_URL'],
      ['migrate-usage-billing', 'DATABASE_MIGRATION_URL'],
      ['gateway', 'REDIS_URL'],
    ] as const) {
      const { hostname, port } = new URL(variable(objects, container, name)!);
      expect(hostname).toBe(read);
      expect(port).toBe(name === 'REDIS_URL' ? '6379' : '5432');
    }
  });

  it('has a user and a database with the characters that they have', async () => {
    const user = 'a b+c%@:/\'"#?';
    const values = {
      postgres: { database: user, owner: { user }, keyManagement: { user } },
      redis: { keyManagement: { user } },
    };
    const objects = await render({ ci: ['manifests'], values });
    const parts = (container: string, name: string) => {
      const { username, pathname } = new URL(variable(objects, container, name)!);
      return [username, pathname.slice(1)].map(decodeURIComponent);
    };
    expect(parts('key-management', 'DATABASE_URL')).toEqual([user, user]);
    expect(parts('migrate-key-management', 'DATABASE_MIGRATION_URL')).toEqual([user, user]);
    expect(parts('key-management', 'REDIS_URL')).toEqual([user, '']);
  });

  it('that processes listen on is one of IPv6 where there is no other', async () => {
    const objects = await render({ ci: ['plain'], set: ['listenAddress=::'] });
    for (const service of services)
      for (const name of ['TOLLGATE_HOST', 'TOLLGATE_OPERATIONS_HOST'])
        expect(variable(objects, service, name)).toBe('::');
  });

  it('may be that of a Service whose pods have another port', async () => {
    const set = ['networkPolicy.storePorts={6432,9095}', 'redis.inCluster=true'];
    const objects = await render({ ci: ['manifests'], set });
    const ports = (component: string) =>
      objects
        .find(({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === `tollgate-${component}`)!
        .spec!.egress!.map((rule) => rule.ports.map(({ port }) => port));
    expect(ports('migration')).toEqual([[5432, 6432, 9095]]);
    expect(ports('gateway')).toContainEqual([6379]);
    expect(ports('gateway')).toContainEqual([9092, 6432, 9095]);
  });

  it('of a caller is kept, and of either family, where the Service says so', async () => {
    const service = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ipFamilyPolicy: 'RequireDualStack' };
    const objects = await render({ ci: ['plain'], values: { listenAddress: '::', gateway: { service } } });
    const gateway = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === 'tollgate-gateway')!;
    expect(gateway.spec).toMatchObject(service);
    expect([gateway].flatMap(await strictSchemas('1.31'))).toEqual([]);
  });

  it.each([
    ['smtp://mail.example.com', 587],
    ['smtps://mail.example.com', 465],
    ['smtp://us@mail.example.com:2525', 2525],
    ['smtp://[2001:db8::25]:26', 26],
    ['smtp://[2001:db8::25]', 587],
  ])('of the mail server can be reached on the port that the app takes: %s', async (url, port) => {
    const objects = await render({ ci: ['manifests'], values: { smtp: { url } } });
    const policy = objects.find(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'tollgate-key-management',
    )!;
    const ports = policy.spec!.egress!.flatMap((rule) => rule.ports.map((one) => one.port));
    expect(ports).toContain(port);
    for (const other of [25, 465, 587].filter((one) => one !== port)) expect(ports).not.toContain(other);
  });
});

describe('pods', () => {
  it('can all fetch their images from a registry that asks who they are', async () => {
    const objects = await render({
      ci: ['in-cluster'],
      set: ['image.pullSecrets={registry,123x}', 'shipJournals.claims={a}'],
    });
    expect(podsOf(objects).length).toBeGreaterThanOrEqual(9);
    for (const { spec } of podsOf(objects))
      expect(spec).toMatchObject({ imagePullSecrets: [{ name: 'registry' }, { name: '123x' }] });
  });

  it('take the user that the cluster gives them where it gives one', async () => {
    const objects = await render({ ci: ['all'], set: ['fixedUser=false'] });
    for (const { spec } of podsOf(objects))
      expect(spec.securityContext).toEqual({
        runAsNonRoot: true,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      });
    expect(objects.flatMap(await strictSchemas('1.31'))).toEqual([]);
  });

  it('of jobs find a node where all of them are set apart, and are told what else keeps them from ending', async () => {
    const migration = {
      podAnnotations: { 'sidecar.istio.io/inject': 'false' },
      nodeSelector: { 'kubernetes.io/arch': 'arm64' },
      tolerations: [{ key: 'team', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3_600_000 }],
      affinity: { nodeAffinity: {} },
      priorityClassName: 'high',
    };
    const { podAnnotations, ...placement } = migration;
    const jobs = async (values: Values) =>
      (await render({ ci: ['plain'], set: ['shipJournals.claims={a}'], values })).filter(({ kind }) => kind === 'Job');
    const found = await jobs({ migration });
    expect(found).toHaveLength(2);
    for (const job of found) {
      expect(podOf(job)!.metadata.annotations).toEqual(podAnnotations);
      expect(podOf(job)!.spec).toMatchObject(placement);
      expect([job].flatMap(await strictSchemas('1.37'))).toEqual([]);
    }
    // A job cannot be changed, so each of these is another one.
    const names = await Promise.all(
      [{}, ...Object.entries(migration).map(([name, value]) => ({ [name]: value }))].map(async (one) =>
        (await jobs({ migration: one })).map(({ metadata }) => metadata.name).join(),
      ),
    );
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('a part of another chart', () => {
  /** A chart that has this one as a part, with these values of it. */
  function whole(part: Values, dependency: object = {}): string {
    const folder = tempFolder('tollgate-whole');
    mkdirSync(join(folder, 'charts'));
    cpSync(chartFolder, join(folder, 'charts', 'tollgate'), { recursive: true });
    const dependencies = [{ name: 'tollgate', version: '0.1.0', condition: 'tollgate.enabled', ...dependency }];
    writeFileSync(
      join(folder, 'Chart.yaml'),
      stringify({ apiVersion: 'v2', name: 'whole', version: '1.0.0', dependencies }),
    );
    writeFileSync(join(folder, 'values.yaml'), stringify({ global: { imageRegistry: 'x' }, ...part }));
    return folder;
  }
  const inCluster = parse(readFileSync(`${chartFolder}/ci/in-cluster.yaml`, 'utf8')) as Values;

  it('is switched by the value that such a chart names', async () => {
    const render = (enabled: boolean) =>
      renderText({ chart: whole({ tollgate: { ...inCluster, enabled } }) }).then((text) => objectsIn(text).length);
    expect(await render(true)).toBeGreaterThan(20);
    expect(await render(false)).toBe(0);
  });

  it('is the same as by itself, whatever its chart sets to nothing', async () => {
    const nothing = {
      ...inCluster,
      config: null,
      logLevel: null,
      publicUrl: null,
      smtp: null,
      gateway: {
        affinity: null,
        podAnnotations: null,
        environment: null,
        service: null,
        priorityClassName: null,
        stop: null,
      },
      ingress: { annotations: null, host: null },
      postgres: { inCluster: true, ca: null },
      migration: null,
    };
    const sourceless = (text: string) => text.replace(/^# Source: .*$/gm, '').replace(/^coalesce.*$/gm, '');
    const text = await renderText({ chart: whole({ tollgate: nothing }) });
    expect(objectsIn(sourceless(text))).toEqual(objectsIn(await renderText({ ci: ['in-cluster'] })));
  });

  it('has names of Services under another name too, or is refused', async () => {
    const values = { gw: { ...inCluster, enabled: true } };
    const chart = whole(values, { alias: 'gw', condition: 'gw.enabled' });
    const objects = objectsIn(await renderText({ chart, release: 'r' }));
    expect(objects.map(({ metadata }) => metadata.name)).toContain('r-gw-gateway');
    const camel = whole({ llmGateway: inCluster }, { alias: 'llmGateway', condition: 'x.y' });
    expect(await refusal({ chart: camel, release: 'r' })).toContain('fullnameOverride: choose a name');
  });
});
