import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readFileSync } from 'node:fs';
import { ciFiles } from './chart/ci-files.js';
import { nameOf, podOf, type KubernetesObject } from './chart/kubernetes-object.js';
import { render, renderText } from './chart/render.js';
import { chartOfVersion } from './chart/versions.js';
import { chartFolder } from './repository.js';

/** The fields that the API server lets nobody change, of each object that has some. */
function immutable(objects: readonly KubernetesObject[]): Record<string, unknown> {
  return Object.fromEntries(
    objects.flatMap((object) => {
      const { selector, volumeClaimTemplates, serviceName, podManagementPolicy } = object.spec ?? {};
      switch (object.kind) {
        case 'StatefulSet':
          return [[nameOf(object), { selector, volumeClaimTemplates, serviceName, podManagementPolicy }]];
        case 'Deployment':
          return [[nameOf(object), { selector }]];
        default:
          return [];
      }
    }),
  );
}

const jobs = (objects: readonly KubernetesObject[]) => objects.filter(({ kind }) => kind === 'Job');

describe.each(ciFiles)('an upgrade with %s', (ci) => {
  it('finds the same text where nothing has changed: rendering is a function', async () => {
    expect(await renderText({ ci: [ci] })).toBe(await renderText({ ci: [ci] }));
  });

  it('changes nothing that cannot be changed between versions', async () => {
    const now = await render({ ci: [ci] });
    const later = await render({ ci: [ci], chart: chartOfVersion('9.9.9') });
    expect(Object.keys(immutable(now)).length).toBeGreaterThanOrEqual(4);
    expect(immutable(later)).toEqual(immutable(now));
    for (const object of now.filter((one) => podOf(one) && one.kind !== 'Job')) {
      const labels = podOf(object)!.metadata.labels;
      const selected = object.spec!.selector!.matchLabels;
      expect(labels).toMatchObject(selected);
      expect(Object.keys(selected).sort()).toEqual([
        'app.kubernetes.io/component',
        'app.kubernetes.io/instance',
        'app.kubernetes.io/name',
      ]);
    }
  });

  it('has no hook, and no job that time takes away', async () => {
    const objects = await render({ ci: [ci] });
    for (const { metadata } of objects)
      expect(Object.keys(metadata.annotations ?? {}).filter((name) => name.startsWith('helm.sh/hook'))).toEqual([]);
    for (const job of jobs(objects)) expect(job.spec).not.toHaveProperty('ttlSecondsAfterFinished');
  });
});

describe('the job that migrates the schemas', () => {
  const jobOf = async (...set: string[]) => {
    const [job] = jobs(await render({ ci: ['manifests'], set }));
    return job!;
  };

  it('has a name that follows from what is in it, whatever the revision of the release', async () => {
    const job = await jobOf();
    expect((await jobOf()).metadata.name).toBe(job.metadata.name);
    expect((await jobOf('gateway.replicas=7')).metadata.name).toBe(job.metadata.name);
    const names = [
      job,
      await jobOf('image.tag=1.2.3'),
      await jobOf('postgres.owner.user=another'),
      await jobOf('postgres.host=elsewhere.example.com'),
      await jobOf('migration.resources.limits.memory=1Gi'),
    ].map(({ metadata }) => metadata.name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^tollgate-migration-[0-9a-f]{10}$/);
  });

  it('is the only one that is told of the owner of the schemas, and of each role that it makes', async () => {
    const objects = await render({ ci: ['all'] });
    const told = objects.flatMap((object) =>
      (podOf(object)?.spec.volumes ?? []).flatMap(({ projected }) =>
        (projected?.sources ?? []).flatMap(({ secret }) =>
          secret?.name === 'postgres-owner' ? [object.metadata.labels!['app.kubernetes.io/component']] : [],
        ),
      ),
    );
    expect(told).toEqual(['migration']);
    const [job] = jobs(objects).filter(({ metadata }) => metadata.name.includes('migration'));
    const environment = (service: string) =>
      Object.fromEntries(
        podOf(job!)!
          .spec.containers.find(({ name }) => name === `migrate-${service}`)!
          .env!.map(({ name, value }) => [name, value]),
      );
    // Straight to the server: the services go through a pooler.
    for (const [service, role] of [
      ['key-management', 'tollgate_keys'],
      ['usage-billing', 'tollgate_billing'],
      ['secret-scanning', 'tollgate_scanning'],
    ])
      expect(environment(service!)).toMatchObject({
        DATABASE_MIGRATION_URL: 'postgres://tollgate@postgres.example.com:5432/tollgate',
        DATABASE_URL: `postgres://${role}@pooler.example.com:6432/tollgate`,
        DATABASE_CA_FILE: '/run/secrets/tollgate/database_ca',
      });
  });
});

describe('--reuse-values from a version that knew fewer', () => {
  const defaults = parse(readFileSync(`${chartFolder}/values.yaml`, 'utf8')) as Record<string, unknown>;
  /** The paths of all single values that have a default. */
  const paths = (value: unknown, path: string[] = []): string[][] => [
    ...(value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 0
      ? Object.entries(value).flatMap(([name, inner]) => paths(inner, [...path, name]))
      : [path]),
  ];

  it('renders the same as with the defaults, whichever block is absent, or all single values', async () => {
    const expected = await renderText({ ci: ['in-cluster'] });
    const given = parse(readFileSync(`${chartFolder}/ci/in-cluster.yaml`, 'utf8')) as Record<string, unknown>;
    const isGiven = (path: string[]) =>
      path.reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], given) !== undefined;
    const blocks = Object.keys(defaults).filter((name) => !(name in given));
    expect(blocks.length).toBeGreaterThan(10);
    for (const block of blocks)
      expect(await renderText({ ci: ['in-cluster'], set: [`${block}=null`] }), block).toBe(expected);
    const single = paths(defaults).filter(
      (path) => !isGiven(path) && !['requests', 'limits', 'cpu', 'memory'].includes(path.at(-1)!),
    );
    expect(single.length).toBeGreaterThan(100);
    const set = [`${single.map((path) => `${path.join('.')}=null`).join(',')}`];
    expect(await renderText({ ci: ['in-cluster'], set })).toBe(expected);
  });

  it('keeps what was taken away on purpose', async () => {
    const objects = await render({ ci: ['plain'], values: { gateway: { resources: { limits: null } } } });
    const gateway = objects.find(({ kind }) => kind === 'StatefulSet')!;
    expect(podOf(gateway)!.spec.containers[0]!.resources).not.toHaveProperty('limits');
    expect(podOf(gateway)!.spec.containers[0]!.resources!.requests).toHaveProperty('cpu');
  });
});
