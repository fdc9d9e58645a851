import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '@tollgate/infra';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ciFiles } from '../chart/ci-files.js';
import { nameOf, podOf, type KubernetesObject } from '../chart/kubernetes-object.js';
import { objectsIn, render, valueArguments } from '../chart/render.js';
import { strictSchemas } from '../chart/schemas.js';
import { chartOfVersion } from '../chart/versions.js';
import { chartFolder, repository } from '../repository.js';
import { startCluster, type Cluster } from './api-server.js';
import { commandBlocks, typed } from './documented-commands.js';

let cluster: Cluster;
let namespaces = 0;

beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

/** A namespace of its own, in which pods must be as the standard `restricted` demands. */
async function newNamespace(): Promise<string> {
  const name = `tollgate-${++namespaces}`;
  await cluster.kubectl(['create', 'namespace', name]);
  await cluster.kubectl([
    'label',
    'namespace',
    name,
    'pod-security.kubernetes.io/enforce=restricted',
    'pod-security.kubernetes.io/warn=restricted',
  ]);
  return name;
}

/** A file with these objects. */
function fileWith(objects: readonly unknown[]): string {
  const file = join(tempFolder('tollgate-objects'), 'objects.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  return file;
}

const dryRun = (namespace: string, objects: readonly unknown[]) =>
  cluster.complaint(['apply', '--namespace', namespace, '--dry-run=server', '--filename', fileWith(objects)]);

/** A pod as the controller of a workload would make it. */
function podFrom(object: KubernetesObject, namespace: string): object | undefined {
  const pod = podOf(object);
  const claims = object.spec?.volumeClaimTemplates ?? [];
  const volumes = claims.map(({ metadata: { name } }) => ({ name, persistentVolumeClaim: { claimName: name } }));
  return (
    pod && {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...pod.metadata, namespace, name: `${object.kind.toLowerCase()}-${object.metadata.name}` },
      spec: { ...pod.spec, volumes: [...(pod.spec.volumes ?? []), ...volumes] },
    }
  );
}

describe.each(ciFiles)('the API server, given what the chart renders with %s', (name) => {
  it('takes every object without a warning', async () => {
    const namespace = await newNamespace();
    const objects = await render({ ci: [name], namespace });
    const said = (await dryRun(namespace, objects)).split('\n');
    expect(said.filter((line) => !line.endsWith('created (server dry run)'))).toEqual([]);
    expect(said).toHaveLength(objects.length);
  });

  it('takes the pods of every workload and job in a namespace that enforces the standard "restricted"', async () => {
    const namespace = await newNamespace();
    const pods = (await render({ ci: [name], namespace })).flatMap((object) => podFrom(object, namespace) ?? []);
    const said = (await dryRun(namespace, pods)).split('\n');
    expect(said.filter((line) => !line.endsWith('created (server dry run)'))).toEqual([]);
    expect(said).toHaveLength(pods.length);
  });
});

describe('the API server', () => {
  it.each(['tollgate', 'try-out'])('takes the rendered manifests %s.yaml', async (name) => {
    const manifests = `${repository}deploy/kubernetes/manifests/${name}.yaml`;
    await cluster.complaint(['create', 'namespace', 'tollgate']);
    const said = (await cluster.kubectl(['apply', '--dry-run=server', '--filename', manifests])).split('\n');
    expect(said.filter((line) => !line.endsWith('created (server dry run)'))).toEqual([]);
    expect(said.length).toBeGreaterThan(15);
  });

  it.each([
    [
      'a selector that does not find its own pods',
      '/spec/selector/matchLabels',
      { app: 'x' },
      '`selector` does not match',
    ],
    ['a name that no container may have', '/spec/template/spec/containers/0/name', 'X_y', 'RFC 1123'],
    [
      'a port that there is not',
      '/spec/template/spec/containers/0/ports/0/containerPort',
      99_999,
      'must be between 1 and 65535',
    ],
    ['a mount without a volume', '/spec/template/spec/containers/0/volumeMounts/0/name', 'none', 'Not found: "none"'],
  ])('alone sees %s', async (_, path, value, complaint) => {
    const namespace = await newNamespace();
    const deployment = (await render({ ci: ['plain'], namespace })).find(({ kind }) => kind === 'Deployment')!;
    const spoilt = structuredClone(deployment);
    const fields = path.split('/').slice(1);
    const last = fields.pop()!;
    const parent = fields.reduce((at: unknown, field) => (at as Record<string, unknown>)[field], spoilt);
    (parent as Record<string, unknown>)[last] = value;
    expect((await strictSchemas('1.37'))(spoilt)).toEqual([]);
    expect(await dryRun(namespace, [spoilt])).toContain(complaint);
    expect(await dryRun(namespace, [deployment])).toContain('created (server dry run)');
  });

  it('refuses a pod without a security context where "restricted" is enforced', async () => {
    const namespace = await newNamespace();
    const said = await dryRun(namespace, [
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    ]);
    expect(said).toContain('violates PodSecurity "restricted');
  });
});

describe('a release', () => {
  /** For trying out: what the release needs beside it is one Secret of a provider. */
  const live = {
    credentials: [{ variable: 'OPENAI_API_KEY', secret: 'tollgate-providers', key: 'openai' }],
    postgres: { inCluster: true },
    redis: { inCluster: true },
    kafka: { inCluster: true },
  };
  const json = async <T>(args: readonly string[]) => JSON.parse(await cluster.kubectl([...args, '-o', 'json'])) as T;
  const generated = async (namespace: string) =>
    (await json<{ data: Record<string, string> }>(['get', 'secret', 'tollgate-generated', '-n', namespace])).data;
  const imageOf = async (namespace: string) =>
    (await json<KubernetesObject>(['get', 'statefulset', 'tollgate-gateway', '-n', namespace])).spec!.template!.spec
      .containers[0]!.image;
  const jobsOf = async (namespace: string) =>
    (await json<{ items: KubernetesObject[] }>(['get', 'jobs', '-n', namespace])).items.map(nameOf);
  const install = (namespace: string) =>
    cluster.helm(['install', 'tollgate', chartFolder, '-n', namespace, ...valueArguments({ values: live })]);

  it('is installed, upgraded to another version, rolled back, uninstalled and installed again; its pepper stays', async () => {
    const namespace = await newNamespace();
    await install(namespace);
    const secrets = await generated(namespace);
    expect(Buffer.from(secrets['tollgate_pepper']!, 'base64').toString()).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(Object.values(secrets)).size).toBe(Object.keys(secrets).length);
    const jobs = await jobsOf(namespace);
    expect(jobs).toHaveLength(1);

    // To itself, with nothing changed: the same job, for nothing in it has changed.
    await cluster.helm(['upgrade', 'tollgate', chartFolder, '-n', namespace, '--reuse-values']);
    expect(await jobsOf(namespace)).toEqual(jobs);
    expect(await generated(namespace)).toEqual(secrets);

    const other = chartOfVersion('9.9.9');
    await cluster.helm([
      'upgrade',
      'tollgate',
      other,
      '-n',
      namespace,
      '--reuse-values',
      '--set',
      'gateway.replicas=5',
    ]);
    expect(await imageOf(namespace)).toBe('tollgate:9.9.9');
    const newer = await jobsOf(namespace);
    expect(newer).toHaveLength(1);
    expect(newer).not.toEqual(jobs);
    expect(await generated(namespace)).toEqual(secrets);

    await cluster.helm(['rollback', 'tollgate', '1', '-n', namespace]);
    expect(await imageOf(namespace)).toBe('tollgate:0.1.0');
    expect(await jobsOf(namespace)).toEqual(jobs);
    expect(await generated(namespace)).toEqual(secrets);

    await cluster.helm(['uninstall', 'tollgate', '-n', namespace]);
    expect(await generated(namespace)).toEqual(secrets);
    const left = await cluster.kubectl(['get', 'statefulsets,deployments,services,jobs', '-n', namespace]);
    expect(left).toContain('No resources found');

    await install(namespace);
    expect(await generated(namespace)).toEqual(secrets);
  });

  it('is not upgraded when its secrets are gone: another pepper would know no key', async () => {
    const namespace = await newNamespace();
    await install(namespace);
    await cluster.kubectl(['delete', 'secret', 'tollgate-generated', '-n', namespace]);
    await expect(cluster.helm(['upgrade', 'tollgate', chartFolder, '-n', namespace, '--reuse-values'])).rejects.toThrow(
      'secrets.existingSecret: the Secret tollgate-generated, which the install made, is gone',
    );
  });

  it.each([
    [{ gateway: { journal: { size: '20Gi' } } }, 'gateway.journal.size: is 10Gi in the StatefulSet tollgate-gateway'],
    [{ gateway: { journal: { storageClass: 'fast' } } }, 'gateway.journal.storageClass: is "" in the StatefulSet'],
    [{ gateway: { journal: { sharedClaim: 'ours' } } }, 'gateway.journal.sharedClaim: is not named in the StatefulSet'],
    [{ stores: { size: '11Gi' } }, 'stores.size: is 10Gi in the StatefulSet tollgate-kafka'],
    [{ nameOverride: 'gate', fullnameOverride: 'tollgate' }, 'nameOverride: is tollgate in the StatefulSet'],
  ])('is not changed half-way by what cannot be changed: %j', async (values, said) => {
    const namespace = await newNamespace();
    await install(namespace);
    const upgrade = (more: object) => {
      const given = valueArguments({ values: { ...live, image: { tag: '9.9.9' }, ...more } });
      return cluster.helm(['upgrade', 'tollgate', chartFolder, '-n', namespace, ...given]);
    };
    await expect(upgrade(values)).rejects.toThrow(said);
    const services = await json<{ items: KubernetesObject[] }>(['get', 'deployments', '-n', namespace]);
    for (const service of services.items) expect(podOf(service)!.spec.containers[0]!.image).not.toContain('9.9.9');
    // The same, as others write it.
    await upgrade({ gateway: { journal: { size: '10240Mi' } }, stores: { size: '10.0Gi' } });
    expect(await imageOf(namespace)).toBe('tollgate:9.9.9');
  });

  it('gets the secrets that a later version needs, beside those that it has', async () => {
    const namespace = await newNamespace();
    await install(namespace);
    const secrets = await generated(namespace);
    await cluster.kubectl([
      'patch',
      'secret',
      'tollgate-generated',
      '-n',
      namespace,
      '--type=json',
      '-p',
      '[{"op":"remove","path":"/data/redis_password_gateway"},{"op":"add","path":"/data/mine","value":"bWluZQ=="}]',
    ]);
    await cluster.helm(['upgrade', 'tollgate', chartFolder, '-n', namespace, '--reuse-values']);
    const { redis_password_gateway: made, mine, ...rest } = await generated(namespace);
    const { redis_password_gateway: former, ...before } = secrets;
    expect(made).not.toBe(former);
    expect(mine).toBe('bWluZQ==');
    expect(rest).toEqual(before);
  });

  it('keeps its gateways when an autoscaler takes them over, and leaves their number alone from then on', async () => {
    const namespace = await newNamespace();
    const upgrade = (values: object) =>
      cluster.helm([
        'upgrade',
        'tollgate',
        chartFolder,
        '-n',
        namespace,
        ...valueArguments({ values: { ...live, ...values } }),
      ]);
    const scale = (replicas: number) =>
      cluster.kubectl(['scale', 'statefulset', 'tollgate-gateway', `--replicas=${replicas}`, '-n', namespace]);
    const replicas = async () =>
      (await json<KubernetesObject>(['get', 'statefulset', 'tollgate-gateway', '-n', namespace])).spec!.replicas;
    await install(namespace);
    await upgrade({ gateway: { replicas: 5 } });
    expect(await replicas()).toBe(5);
    // A number that is no longer rendered is 1: four of five gateways would be stopped.
    await upgrade({ gateway: { autoscaling: { enabled: true, minReplicas: 5 } } });
    expect(await replicas()).toBe(5);
    for (const number of [7, 6]) {
      await scale(number);
      await upgrade({ gateway: { autoscaling: { enabled: true, minReplicas: number } } });
      expect(await replicas()).toBe(number);
    }
    // As it is for larger claims: the autoscaler alone still knows how many pods there are.
    const autoscaler = ['horizontalpodautoscaler', 'tollgate-gateway', '-n', namespace];
    const status = JSON.stringify({ status: { currentReplicas: 9, desiredReplicas: 9, conditions: [] } });
    await cluster.kubectl(['patch', ...autoscaler, '--subresource=status', '--type=merge', '-p', status]);
    await cluster.kubectl(['delete', 'statefulset', 'tollgate-gateway', '-n', namespace]);
    for (const _ of [1, 2]) {
      await upgrade({ gateway: { autoscaling: { enabled: true }, journal: { size: '20Gi' } } });
      expect(await replicas()).toBe(9);
    }
  });

  it('that has had an autoscaler from the start renders no number of gateways, so that a rollback sets none', async () => {
    const namespace = await newNamespace();
    const values = valueArguments({ values: { ...live, gateway: { autoscaling: { enabled: true } } } });
    await cluster.helm(['install', 'tollgate', chartFolder, '-n', namespace, ...values]);
    await cluster.kubectl(['scale', 'statefulset', 'tollgate-gateway', '--replicas=7', '-n', namespace]);
    await cluster.helm(['upgrade', 'tollgate', chartFolder, '-n', namespace, ...values]);
    await cluster.helm(['rollback', 'tollgate', '1', '-n', namespace]);
    const gateways = await json<KubernetesObject>(['get', 'statefulset', 'tollgate-gateway', '-n', namespace]);
    expect(gateways.spec!.replicas).toBe(7);
    const manifest = objectsIn(await cluster.helm(['get', 'manifest', 'tollgate', '-n', namespace]));
    const rendered = manifest.find((one) => nameOf(one) === 'StatefulSet/tollgate-gateway')!;
    expect(rendered.spec).not.toHaveProperty('replicas');
  });

  it('is rendered against the cluster as it is installed, twice alike', async () => {
    const namespace = await newNamespace();
    await install(namespace);
    const again = () =>
      cluster.helm([
        'template',
        'tollgate',
        chartFolder,
        '-n',
        namespace,
        '--dry-run=server',
        '--is-upgrade',
        ...valueArguments({ values: live }),
      ]);
    const [first, second] = [await again(), await again()];
    expect(second).toBe(first);
    const secret = objectsIn(first).find(({ kind }) => kind === 'Secret')!;
    expect(secret.data).toEqual(await generated(namespace));
  });
});

describe('the commands of deploy/kubernetes/README.md', () => {
  const blocks = commandBlocks('deploy/kubernetes/README.md');
  const under = (heading: string): string[] =>
    blocks.filter((block) => block.heading === heading).map(({ commands }) => commands);
  const values = /^```yaml\n(image:[\s\S]*?)^```/m
    .exec(readFileSync(`${repository}deploy/kubernetes/README.md`, 'utf8'))![1]!
    .replaceAll('<registry>', 'registry.example.com');
  const secretKeys = async (namespace: string, name: string) =>
    Object.entries(
      (
        JSON.parse(await cluster.kubectl(['get', 'secret', name, '-n', namespace, '-o', 'json'])) as {
          data: Record<string, string>;
        }
      ).data,
    );

  it('try it out, as they are written', async () => {
    const said = await cluster.shell(typed(under('Try it out')[0]!, 'readme-trial'), {});
    expect(said).toContain('STATUS: deployed');
    expect(said).toMatch(/[0-9a-f]{64}$/);
    const [[key, value]] = (await secretKeys('readme-trial', 'tollgate-providers')) as [[string, string]];
    expect([key, Buffer.from(value, 'base64').toString()]).toEqual(['openai', 'credential-of-reader']);
  });

  it('of the first page try it out too', async () => {
    const [block] = commandBlocks('README.md').filter(({ heading }) => heading === 'Run it on Kubernetes');
    expect(await cluster.shell(typed(block!.commands, 'readme-first'), {})).toContain('STATUS: deployed');
  });

  it('run it in earnest: each secret that a pod mounts is one that they have made', async () => {
    const files = { 'values-of-ours.yaml': values };
    const said = await cluster.shell(typed(under('In earnest')[0]!, 'readme-earnest'), files);
    expect(said).toContain('STATUS: deployed');
    const made = new Map(await secretKeys('readme-earnest', 'tollgate'));
    for (const [key, value] of made) expect(Buffer.from(value, 'base64').toString(), key).toMatch(/^[0-9a-f]{64}$/);
    const release = await cluster.helm(['get', 'manifest', 'tollgate', '-n', 'readme-earnest']);
    const used = objectsIn(release).flatMap((object) =>
      (podOf(object)?.spec.volumes ?? []).flatMap(({ projected }) =>
        (projected?.sources ?? []).flatMap(({ secret }) =>
          secret?.name === 'tollgate' ? secret.items.map(({ key }) => key) : [],
        ),
      ),
    );
    expect([...new Set(used)].sort()).toEqual([...made.keys()].sort());
    expect(release).not.toContain('tollgate-generated');
  });

  it('enlarge journals', async () => {
    const claim = ['persistentvolumeclaim', 'journal-tollgate-gateway-0', '-n', 'readme-trial'];
    const storage = { storageClassName: 'grows', accessModes: ['ReadWriteOnce'], volumeName: 'v' };
    const size = { resources: { requests: { storage: '10Gi' } } };
    const labels = { 'app.kubernetes.io/component': 'gateway' };
    const made = [
      {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'StorageClass',
        metadata: { name: 'grows' },
        provisioner: 'tests.invalid/none',
        allowVolumeExpansion: true,
      },
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: claim[1], labels },
        spec: { ...storage, ...size },
      },
    ];
    await cluster.kubectl(['apply', '-n', 'readme-trial', '-f', fileWith(made)]);
    await cluster.kubectl(['patch', ...claim, '--subresource=status', '-p', '{"status":{"phase":"Bound"}}']);
    // What leaves pods behind waits for a controller, which is not here: its part is to take its mark away.
    const mark = `kubectl -n readme-trial patch statefulset tollgate-gateway --type=json -p '[{"op":"remove","path":"/metadata/finalizers"}]'`;
    const [, enlarging] = under('What holds, and why');
    const commands = typed(enlarging!, 'readme-trial').replace(
      '--cascade=orphan',
      `--cascade=orphan --wait=false\n${mark}`,
    );
    await cluster.shell(commands, {});
    const sizeOf = async (args: readonly string[], path: string) =>
      cluster.kubectl(['get', ...args, '-o', `jsonpath={${path}}`]);
    expect(await sizeOf(claim, '.spec.resources.requests.storage')).toBe('20Gi');
    const gateways = ['statefulset', 'tollgate-gateway', '-n', 'readme-trial'];
    expect(await sizeOf(gateways, '.spec.volumeClaimTemplates[0].spec.resources.requests.storage')).toBe('20Gi');
  });

  it('ship the journal of a claim that is left over, and take the job away again', async () => {
    const [shipping] = under('What holds, and why');
    await cluster.shell(typed(shipping!, 'readme-trial'), {});
    const jobs = async () => {
      const args = [
        'get',
        'jobs',
        '-n',
        'readme-trial',
        '-l',
        'app.kubernetes.io/component=ship-journals',
        '-o',
        'name',
      ];
      return (await cluster.kubectl(args)).split('\n').filter((line) => line.startsWith('job'));
    };
    expect(await jobs()).toHaveLength(1);
    const end = 'helm upgrade tollgate deploy/kubernetes/chart --namespace readme-trial --reuse-values';
    await cluster.shell(`${end} --set-json shipJournals.claims=[]`, {});
    expect(await jobs()).toEqual([]);
  });

  it('run it without Helm', async () => {
    await cluster.complaint(['create', 'namespace', 'tollgate']);
    const said = await cluster.shell(typed(under('Without Helm')[0]!, 'tollgate'), {});
    expect(said).toContain('statefulset.apps/tollgate-gateway created');
    const gateway = await cluster.kubectl(['get', 'statefulset', 'tollgate-gateway', '-n', 'tollgate', '-o', 'yaml']);
    expect(gateway).toContain('image: registry.example.com/tollgate:0.1.0');
    expect(gateway).toContain('redis://gateway@stores.example.com:6379');
    expect(gateway).not.toContain('example.com/tollgate:0.1.0/');
  });
});
