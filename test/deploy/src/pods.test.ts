import { beforeAll, describe, expect, it } from 'vitest';
import { ciFiles } from './chart/ci-files.js';
import { nameOf, podOf, type Container, type KubernetesObject, type PodSpec } from './chart/kubernetes-object.js';
import { megabytes } from './chart/quantity.js';
import { render } from './chart/render.js';

const containersOf = (spec: PodSpec): Container[] => [...(spec.initContainers ?? []), ...spec.containers];

describe.each(ciFiles)('each pod with %s', (name) => {
  let pods: { object: KubernetesObject; spec: PodSpec }[];
  beforeAll(async () => {
    pods = (await render({ ci: [name] })).flatMap((object) => {
      const pod = podOf(object);
      return pod === undefined ? [] : [{ object, spec: pod.spec }];
    });
    expect(pods.length).toBeGreaterThanOrEqual(5);
  });
  const each = (look: (spec: PodSpec, name: string) => void) => {
    for (const { object, spec } of pods) look(spec, nameOf(object));
  };
  const eachContainer = (look: (container: Container, name: string, spec: PodSpec) => void) =>
    each((spec, pod) => {
      for (const container of containersOf(spec)) look(container, `${pod} ${container.name}`, spec);
    });

  it('runs as a user without rights, who can write nothing but its volumes; jobs too', () => {
    each((spec, pod) => {
      expect(spec.securityContext, pod).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      const { runAsUser, fsGroup } = spec.securityContext as { runAsUser: number; fsGroup: number };
      expect(runAsUser, pod).toBeGreaterThan(0);
      expect(fsGroup, pod).toBe(runAsUser);
      if (!/-(?:postgres|redis|kafka)$/.test(pod)) expect(runAsUser, pod).toBe(10_001);
    });
    eachContainer((container, where) =>
      expect(container.securityContext, where).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        capabilities: { drop: ['ALL'] },
      }),
    );
  });

  it('gets no variables of Services, and no credential of the API server', () => {
    each((spec, pod) => {
      expect(spec.enableServiceLinks, pod).toBe(false);
      expect(spec.automountServiceAccountToken, pod).toBe(false);
    });
  });

  it('reads secrets from files alone, which its group can read', () => {
    eachContainer(({ env = [], envFrom }, where) => {
      expect(envFrom, where).toBeUndefined();
      for (const { name: variable, value } of env) {
        expect(value, `${where} ${variable}`).toBeTypeOf('string');
        if (/(?:PASSWORD|_SECRET|PEPPER|ENCRYPTION_KEY|API_KEY)(?!S_FOLDER)/.test(variable))
          expect(variable, where).toMatch(/_FILE$/);
        if (variable.endsWith('_URL')) expect(new URL(value!).password, `${where} ${variable}`).toBe('');
      }
    });
    each((spec, pod) => {
      for (const { name: volume, projected } of spec.volumes ?? [])
        if (projected) expect(projected.defaultMode, `${pod} ${volume}`).toBe(0o440);
    });
  });

  it('mounts each file of a secret that it is told of, and no volume that does not exist', () => {
    eachContainer(({ env = [], volumeMounts = [] }, where, spec) => {
      for (const { value } of env.filter(({ name: variable }) => variable.endsWith('_FILE'))) {
        const mount = volumeMounts.find(({ mountPath }) => value!.startsWith(`${mountPath}/`));
        const paths = spec
          .volumes!.find((volume) => volume.name === mount?.name)!
          .projected!.sources.flatMap(({ secret, configMap }) => (secret ?? configMap)!.items)
          .map(({ path }) => `${mount!.mountPath}/${path}`);
        expect(paths, where).toContain(value);
        expect(new Set(paths).size).toBe(paths.length);
      }
      const claims = pods.find(({ spec: one }) => one === spec)!.object.spec!.volumeClaimTemplates ?? [];
      const volumes = [...spec.volumes!.map((volume) => volume.name), ...claims.map(({ metadata }) => metadata.name)];
      for (const mount of volumeMounts) expect(volumes, where).toContain(mount.name);
    });
  });

  it('has room in its limit of memory for what it asks for and for its folders in memory', () => {
    eachContainer(({ resources, volumeMounts = [] }, where, spec) => {
      const [asked, limit] = [resources!.requests['memory']!, resources!.limits['memory']!].map(megabytes);
      expect(resources!.requests['cpu'], where).toBeDefined();
      const inMemory = spec.volumes!.filter(({ emptyDir }) => emptyDir?.medium === 'Memory');
      for (const { emptyDir } of inMemory) expect(emptyDir!.sizeLimit, where).toBeDefined();
      const folders = inMemory
        .filter((volume) => volumeMounts.some((mount) => mount.name === volume.name))
        .reduce((sum, { emptyDir }) => sum + megabytes(emptyDir!.sizeLimit!), 0);
      expect(limit, where).toBeGreaterThanOrEqual(asked! + folders);
    });
  });
});
