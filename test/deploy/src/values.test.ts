import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isMap, parse, parseDocument, type YAMLMap } from 'yaml';
import { refusal, render, type Values } from './chart/render.js';
import { chartFolder, repository } from './repository.js';

const read = (file: string): string => readFileSync(`${chartFolder}/${file}`, 'utf8');
const schema = JSON.parse(read('values.schema.json')) as Schema;

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

const resolved = (one: Schema): Schema => (one.$ref ? schema.$defs![one.$ref.slice('#/$defs/'.length)]! : one);

/** The paths of everything that the schema knows; free maps end a path. */
function known(one: Schema, path = ''): string[] {
  const { properties = {} } = resolved(one);
  return Object.entries(properties).flatMap(([name, inner]) => [`${path}${name}`, ...known(inner, `${path}${name}.`)]);
}

function defaults(value: unknown, of: Schema | undefined, path = ''): string[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const next = of && resolved(of).properties?.[name];
    return [`${path}${name}`, ...(next ? defaults(inner, next, `${path}${name}.`) : [])];
  });
}

describe('the values', () => {
  it('are the same in the schema and in values.yaml, which a second copy in the chart repeats', async () => {
    const paths = defaults(parse(read('values.yaml')), schema).filter((path) => !/\.(requests|limits)\./.test(path));
    expect([...new Set(paths)].sort()).toEqual([...new Set(known(schema))].sort());
    // `--update` copies them anew.
    await expect(read('values.yaml')).toMatchFileSnapshot(`${chartFolder}/files/values.yaml`);
    await expect(readFileSync(`${repository}config.yaml`, 'utf8')).toMatchFileSnapshot(
      `${chartFolder}/files/config.yaml`,
    );
  });

  it('are described: each block of values.yaml has a comment, in itself or at its first line', () => {
    const document = parseDocument(read('values.yaml'));
    const services = ['keyManagement', 'usageBilling', 'secretScanning'];
    const bare = (document.contents as YAMLMap).items.flatMap((item) => {
      const { key, value } = item as { key: { value: string; commentBefore?: string }; value: unknown };
      const inside =
        isMap(value) &&
        String(read('values.yaml').split(`\n${key.value}:`)[1])
          .split(/\n\w/)[0]!
          .includes('#');
      return key.commentBefore || inside || services.includes(key.value) ? [] : [key.value];
    });
    expect(bare).toEqual(['fullnameOverride', 'publicUrl', 'logLevel'].filter((name) => bare.includes(name)));
  });

  it('may be handed `global` by a chart that has this one as a part', async () => {
    expect(await render({ ci: ['plain'], values: { global: { imageRegistry: 'x', deep: { er: 1 } } } })).not.toEqual(
      [],
    );
  });

  it.each<[Values, string]>([
    [{ gateway: { replica: 3 } }, "at '/gateway': additional properties 'replica' not allowed"],
    [{ gatway: {} }, "additional properties 'gatway' not allowed"],
    [{ gateway: { replicas: 0 } }, "at '/gateway/replicas'"],
    [{ gateway: { replicas: '3' } }, "at '/gateway/replicas'"],
    [{ gateway: { replicas: 2.5 } }, "at '/gateway/replicas'"],
    [{ gateway: { journal: { size: '10 GB' } } }, "at '/gateway/journal/size'"],
    [{ gateway: { journal: { size: '0Gi' } } }, "at '/gateway/journal/size'"],
    [{ gateway: { stop: { windowSeconds: -1 } } }, "at '/gateway/stop/windowSeconds'"],
    [{ listenAddress: '127.0.0.1' }, "at '/listenAddress'"],
    [{ ingress: { enabled: true, host: 'AI.example.com' } }, "at '/ingress/host'"],
    [{ ingress: { enabled: true, host: 'ai.example.com:8443' } }, "at '/ingress/host'"],
    [{ httpRoute: { hostnames: ['https://ai.example.com'] } }, "at '/httpRoute/hostnames/0'"],
    [{ fullnameOverride: 'my.app' }, 'fullnameOverride: choose a name that begins with a letter'],
    [{ fullnameOverride: '9lives' }, 'fullnameOverride: choose a name that begins with a letter'],
    [{ enabled: false }, 'enabled: is for a chart that has this one as a part'],
    [{ fixedUser: false, redis: { inCluster: true } }, 'fixedUser: must be true with stores in the release'],
    [
      { gateway: { environment: { 'A-B': 'x' } } },
      "at '/gateway/environment': additional properties 'A-B' not allowed",
    ],
    [{ gateway: { environment: { A: { b: 1 } } } }, "at '/gateway/environment/A'"],
    [{ gateway: { resources: { limit: {} } } }, "at '/gateway/resources'"],
    [{ gateway: { autoscaling: { cpuUtilization: 101 } } }, "at '/gateway/autoscaling/cpuUtilization'"],
    [{ image: { digest: 'sha256:1234' } }, "at '/image/digest'"],
    [{ image: { pullPolicy: 'Sometimes' } }, "at '/image/pullPolicy'"],
    [{ image: { repository: 'r.example.com/tollgate:1.2.3' } }, "at '/image/repository'"],
    [{ image: { repository: `tollgate@sha256:${'0'.repeat(64)}` } }, "at '/image/repository'"],
    [{ image: { tag: 'a b' } }, "at '/image/tag'"],
    [{ image: { tag: 1.1 } }, "at '/image/tag'"],
    [{ publicUrl: 'ai.example.com' }, "at '/publicUrl'"],
    [{ publicUrl: 'https://ai.example.com/console' }, "at '/publicUrl'"],
    [{ logLevel: 'verbose' }, "at '/logLevel'"],
    [{ credentials: [{ variable: 'A' }] }, "at '/credentials/0': missing properties 'secret', 'key'"],
    [{ credentials: [{ variable: 'A', value: 'sk-1' }] }, "additional properties 'value' not allowed"],
    [{ secrets: { pepper: 'x' } }, "at '/secrets': additional properties 'pepper' not allowed"],
    [{ postgres: { password: 'x' } }, "at '/postgres': additional properties 'password' not allowed"],
    [{ postgres: { host: 'postgres://h:5432' } }, "at '/postgres/host'"],
    [{ postgres: { host: 'db.example.com:5432' } }, "at '/postgres/host'"],
    [{ postgres: { port: 99_999 } }, "at '/postgres/port'"],
    [{ redis: { gateway: { user: '' } } }, "at '/redis/gateway/user'"],
    [{ kafka: { brokers: ['kafka'] } }, "at '/kafka/brokers/0'"],
    [{ kafka: { brokers: ['kafka:0'] } }, "at '/kafka/brokers/0'"],
    [{ kafka: { brokers: ['kafka:65536'] } }, "at '/kafka/brokers/0'"],
    [{ kafka: { brokers: 'a:1,b:2' } }, "at '/kafka/brokers'"],
    [{ smtp: { url: 'smtp://user:password@host:25' } }, "at '/smtp/url'"],
    [{ owner: { email: 'nobody' } }, "at '/owner/email'"],
    [{ networkPolicy: { outsidePorts: [] } }, "at '/networkPolicy/outsidePorts'"],
    [{ networkPolicy: { gatewayFrom: [{ cidr: '10.0.0.0/8' }] } }, "at '/networkPolicy/gatewayFrom/0'"],
    [{ shipJournals: { claims: [''] } }, "at '/shipJournals/claims/0'"],
    [{ startupSeconds: 5 }, "at '/startupSeconds'"],
    [{ postgres: { host: '' } }, 'postgres.host: name the server, or set postgres.inCluster to true'],
    [{ redis: { host: '' } }, 'redis.host: name the server, or set redis.inCluster to true'],
    [{ kafka: { brokers: [] } }, 'kafka.brokers: name them as host:port, or set kafka.inCluster to true'],
    [{ redis: { inCluster: true, tls: true } }, 'redis.tls: must be false where redis.inCluster is true'],
    [{ kafka: { inCluster: true } }, 'kafka.sasl: must be true where kafka.inCluster is true'],
    [{ redis: { ca: { secret: 'a' } } }, 'redis.ca: is used with redis.tls alone'],
    [{ kafka: { tls: true, ca: { secret: 'a', configMap: 'b' } } }, 'kafka.ca: name a Secret or a ConfigMap, not both'],
    [{ postgres: { inCluster: true, ca: { secret: 'a' } } }, 'postgres.ca: is used with an external PostgreSQL alone'],
    [{ smtp: { ca: { secret: 'a', configMap: 'b' } } }, 'smtp.ca: name a Secret or a ConfigMap, not both'],
    [{ config: 'providers: [' }, 'config: cannot be read as a map in YAML'],
    [{ config: '- providers' }, 'config: cannot be read as a map in YAML'],
    [{ config: 'providers' }, 'config: cannot be read as a map in YAML'],
    [
      { credentials: ['A_KEY', 'A_KEY'].map((variable) => ({ variable, secret: 'a', key: 'b' })) },
      'credentials: A_KEY and A_KEY would be one file',
    ],
    [
      { credentials: ['A_KEY', 'a_key_file'].map((variable) => ({ variable, secret: 'a', key: 'b' })) },
      'credentials: A_KEY and a_key_file would be one file',
    ],
    [
      { credentials: [{ variable: 'Redis_Password', secret: 'a', key: 'b' }] },
      "credentials: Redis_Password is a variable of Tollgate's own",
    ],
    [
      { gateway: { environment: { OPENAI_API_KEY: 'sk-1' } } },
      'gateway.environment: OPENAI_API_KEY is decided by other values of this chart',
    ],
    [
      { config: 'a: ${env:SOME_KEY}' },
      'credentials: the configuration names ${env:SOME_KEY}; say in which Secret it is',
    ],
    [{ config: 'a: b', existingConfigMap: 'c' }, 'config: leave it out where existingConfigMap names a ConfigMap'],
    [{ existingConfigMap: 'c' }, 'gateway.stop.drainSeconds: say how long the longest call takes'],
    [
      { gateway: { autoscaling: { enabled: true, minReplicas: 4, maxReplicas: 3 } } },
      'gateway.autoscaling.maxReplicas: must be at least gateway.autoscaling.minReplicas',
    ],
    [
      { gateway: { autoscaling: { enabled: true }, resources: { requests: { cpu: null } } } },
      'gateway.resources.requests.cpu: say how much a gateway asks for',
    ],
    [
      { gateway: { service: { externalTrafficPolicy: 'Local' } } },
      'gateway.service.externalTrafficPolicy: is for gateway.service.type NodePort or LoadBalancer',
    ],
    [{ gateway: { service: { ipFamilyPolicy: 'PreferDualStack' } } }, 'listenAddress: must be "::"'],
    [{ ingress: { enabled: true } }, 'ingress.host: name the host'],
    [{ httpRoute: { enabled: true } }, 'httpRoute.parentRefs: name the Gateway'],
  ])('are refused with the name of the field: %j', async (values, said) => {
    expect(await refusal({ ci: ['plain'], values })).toContain(said);
  });

  it('that are missing are told all at once', async () => {
    const said = await refusal({});
    for (const field of ['secrets.existingSecret', 'postgres.host', 'redis.host', 'kafka.brokers', 'credentials'])
      expect(said).toContain(`\n  ${field}: `);
  });

  it('need no credential for a provider that is optional', async () => {
    const config = (optional: boolean) =>
      `providers: [{name: p, type: openai, credential: '\${env:NOT_GIVEN}', optional: ${optional}}]`;
    expect(await render({ ci: ['plain'], values: { config: config(true) } })).not.toEqual([]);
    expect(await refusal({ ci: ['plain'], values: { config: config(false) } })).toContain('NOT_GIVEN');
  });

  it.each(['providers: [openai]', 'providers: openai', 'providers: {a: b}', 'routes: []', '# nothing', 'providers:'])(
    'leave it to the gateway to say what else is wrong with a configuration: %s',
    async (config) => {
      expect(await render({ ci: ['plain'], values: { config, credentials: [] } })).not.toEqual([]);
    },
  );

  it('that are comments of the configuration name no credential', async () => {
    const config = '# ${env:NOT_THIS}\nproviders: [] # ${env:NOR_THIS}\n';
    expect(await render({ ci: ['plain'], values: { config, credentials: [] } })).not.toEqual([]);
  });
});

describe('what an installation is made of', () => {
  it('has one version in the chart, in the package, and in its image', async () => {
    const { version } = JSON.parse(readFileSync(`${repository}package.json`, 'utf8')) as { version: string };
    expect(parse(read('Chart.yaml'))).toMatchObject({ version, appVersion: version });
    const images = async (set: string[]) =>
      (await render({ ci: ['plain'], set })).flatMap(({ spec }) => spec?.template?.spec.containers[0]!.image ?? []);
    expect(new Set(await images([]))).toEqual(new Set([`tollgate:${version}`]));
    expect(new Set(await images(['image.repository=r.example.com/t', 'image.tag=2.0.0']))).toEqual(
      new Set(['r.example.com/t:2.0.0']),
    );
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(new Set(await images([`image.digest=${digest}`]))).toEqual(new Set([`tollgate@${digest}`]));
  });

  it('has the stores of docker-compose.yml, where it brings its own', () => {
    const { services } = parse(readFileSync(`${repository}docker-compose.yml`, 'utf8'), { merge: true }) as {
      services: Record<string, { image: string }>;
    };
    const { stores } = parse(read('values.yaml')) as { stores: Record<string, string> };
    for (const name of ['postgres', 'redis', 'kafka']) expect(stores[`${name}Image`]).toBe(services[name]!.image);
  });
});
