import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { readEnvironment } from '@tollgate/config';
import { gatewayEnvironment } from '@tollgate/gateway';
import { tempFolder } from '@tollgate/infra';
import { keyManagementEnvironment } from '@tollgate/key-management';
import { secretScanningEnvironment } from '@tollgate/secret-scanning';
import { usageBillingEnvironment } from '@tollgate/usage-billing';
import { describe, expect, it } from 'vitest';
import { ciFiles } from './chart/ci-files.js';
import { podOf, type Container, type KubernetesObject } from './chart/kubernetes-object.js';
import { render } from './chart/render.js';

const schemas = {
  gateway: gatewayEnvironment,
  'key-management': keyManagementEnvironment,
  'usage-billing': usageBillingEnvironment,
  'secret-scanning': secretScanningEnvironment,
};
type App = keyof typeof schemas;
const apps = Object.keys(schemas) as App[];
/** What config.yaml of the files of values names. */
const credentials = ['OPENAI_API_KEY_FILE', 'ANTHROPIC_API_KEY_FILE'];
/** Passes the form of every secret. */
const SECRET = 'a'.repeat(64);
/** Stands for the file of an authority, which is read at the start. */
const authority = join(tempFolder('tollgate-authority'), 'ca.crt');
writeFileSync(authority, rootCertificates[0]!);

const containerOf = (objects: readonly KubernetesObject[], app: string): Container => {
  const found = objects
    .flatMap((object) => podOf(object)?.spec.containers ?? [])
    .find((container) => container.name === app);
  return found ?? expect.fail(`there is no container ${app}`);
};

/** The environment as the app will have read it: a variable whose file is named has what the file holds. */
function readBy(app: App, { env = [] }: Container): { given: Record<string, string>; unknown: string[] } {
  const known = Object.keys(schemas[app].shape);
  const given: Record<string, string> = {};
  const unknown: string[] = [];
  for (const { name, value } of env) {
    const held = name.replace(/_FILE$/, '');
    if (known.includes(name)) given[name] = name.endsWith('_CA_FILE') ? authority : value!;
    else if (name.endsWith('_FILE') && known.includes(held)) given[held] = SECRET;
    else if (app !== 'gateway' || !credentials.includes(name)) unknown.push(name);
  }
  return { given, unknown };
}

describe.each(ciFiles)('the environment of a service with %s', (ci) => {
  it.each(apps)(
    'tells %s what it must be told, in a form that it takes, and nothing that it does not know',
    async (app) => {
      const { given, unknown } = readBy(app, containerOf(await render({ ci: [ci] }), app));
      expect(unknown).toEqual([]);
      expect(() => readEnvironment(schemas[app], given)).not.toThrow();
    },
  );

  it('is that of the pods that are probed and scraped: on all addresses', async () => {
    const objects = await render({ ci: [ci] });
    for (const app of apps) {
      const { given } = readBy(app, containerOf(objects, app));
      const ports = containerOf(objects, app).ports!;
      const port = (name: string) => String(ports.find((one) => one.name === name)!.containerPort);
      expect(given).toMatchObject({
        TOLLGATE_HOST: '0.0.0.0',
        TOLLGATE_PORT: port('http'),
        TOLLGATE_OPERATIONS_HOST: '0.0.0.0',
        TOLLGATE_OPERATIONS_PORT: port('operations'),
      });
    }
  });

  it('sends each service to Services that exist, on their ports', async () => {
    const objects = await render({ ci: [ci] });
    const services = new Map(objects.filter(({ kind }) => kind === 'Service').map((one) => [one.metadata.name, one]));
    for (const app of apps)
      for (const [name, value] of Object.entries(readBy(app, containerOf(objects, app)).given))
        for (const [, host, port] of value.matchAll(/(?:\/\/(?:[^@/]*@)?|^|,)(tollgate-[a-z-]+):(\d+)/g))
          expect(
            services.get(host!)?.spec?.ports?.map((one) => one.port),
            `${app} ${name}`,
          ).toContain(Number(port));
  });
});

describe('variables that an operator adds', () => {
  it('come on top, of the one service alone', async () => {
    const objects = await render({
      ci: ['plain'],
      values: { keyManagement: { environment: { TOLLGATE_SESSION_HOURS: 24 } } },
    });
    const told = (app: App) => readBy(app, containerOf(objects, app)).given['TOLLGATE_SESSION_HOURS'];
    expect(apps.map(told)).toEqual([undefined, '24', undefined, undefined]);
  });
});

describe('a user without rights over others', () => {
  it.each(['all', 'in-cluster'])('is given no secret that its service does not read, with %s', async (ci) => {
    const objects = await render({ ci: [ci] });
    const keys = (app: string) =>
      objects
        .filter(({ kind, metadata }) => kind !== 'Job' && metadata.name === `tollgate-${app}`)
        .flatMap((object) => podOf(object)?.spec.volumes ?? [])
        .flatMap(({ projected }) => projected?.sources ?? [])
        .flatMap(({ secret }) => secret?.items.map(({ path }) => path) ?? [])
        .filter((path) => !path.endsWith('_ca') && !path.endsWith('_previous'))
        .sort();
    const mail = ci === 'all' ? ['smtp_password'] : [];
    const providers = ci === 'all' ? ['anthropic_api_key', 'openai_api_key'] : ['openai_api_key'];
    const own = ['tollgate_encryption_key', 'tollgate_pepper', 'tollgate_service_secret'];
    expect(keys('gateway')).toEqual([...providers, ...own, 'kafka_password', 'redis_password'].sort());
    expect(keys('key-management')).toEqual(
      [
        ...own,
        ...mail,
        ...(ci === 'all' ? ['init_owner_password'] : []),
        'database_password',
        'kafka_password',
        'redis_password',
        'tollgate_admin_secret',
      ].sort(),
    );
    expect(keys('usage-billing')).toEqual(
      [...own, ...mail, 'database_password', 'kafka_password', 'redis_password', 'tollgate_admin_secret'].sort(),
    );
    expect(keys('secret-scanning')).toEqual(
      [...mail, 'database_password', 'kafka_password', 'tollgate_pepper', 'tollgate_service_secret'].sort(),
    );
  });
});
