import { loadConfig } from '@tollgate/config';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { podOf, type KubernetesObject, type PodSpec } from './chart/kubernetes-object.js';
import { refusal, render, type RenderOptions } from './chart/render.js';

const pick = (objects: readonly KubernetesObject[], kind: string, name: string): KubernetesObject =>
  objects.find((one) => one.kind === kind && one.metadata.name === name) ?? expect.fail(`there is no ${kind}/${name}`);
const gatewayOf = async (options: RenderOptions) => pick(await render(options), 'StatefulSet', 'tollgate-gateway');
const podSpec = (object: KubernetesObject): PodSpec => podOf(object)!.spec;
const plain: RenderOptions = { ci: ['plain'] };
const all: RenderOptions = { ci: ['all'] };

/** A configuration whose providers have these time-outs. */
const withTimeouts = (...timeouts: (number | undefined)[]) =>
  JSON.stringify({
    providers: timeouts.map((timeout_ms, index) => ({
      name: `p${index}`,
      type: 'openai',
      base_url: 'https://api.openai.com/v1',
      credential: '${env:OPENAI_API_KEY}',
      ...(timeout_ms !== undefined && { timeout_ms }),
    })),
    routes: [{ name: 'm', targets: [{ provider: 'p0', model: 'm' }] }],
  });

describe('the gateways', () => {
  it('each have a claim for their journal, which nothing but a person deletes', async () => {
    const { spec } = await gatewayOf(all);
    expect(spec).toMatchObject({
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      volumeClaimTemplates: [
        {
          metadata: { name: 'journal' },
          spec: {
            accessModes: ['ReadWriteOnce'],
            storageClassName: 'fast',
            resources: { requests: { storage: '20Gi' } },
          },
        },
      ],
    });
    const [gateway] = podSpec(await gatewayOf(all)).containers;
    expect(gateway!.volumeMounts).toContainEqual({ name: 'journal', mountPath: '/data' });
    expect(gateway!.env).toContainEqual({ name: 'TOLLGATE_DATA', value: '/data' });
  });

  it('share one claim where it is named, which all of them can mount', async () => {
    const { spec } = await gatewayOf(plain);
    expect(spec).not.toHaveProperty('volumeClaimTemplates');
    expect(spec!.template!.spec.volumes).toContainEqual({
      name: 'journal',
      persistentVolumeClaim: { claimName: 'tollgate-journals' },
    });
  });

  it('are started and stopped beside one another: one that never gets ready holds up no other', async () => {
    expect((await gatewayOf(plain)).spec).toMatchObject({ podManagementPolicy: 'Parallel', replicas: 2 });
    expect((await gatewayOf({ ...plain, set: ['gateway.replicas=5'] })).spec!.replicas).toBe(5);
  });

  it('belong to an autoscaler alone where there is one: then their number is not rendered', async () => {
    const objects = await render(all);
    expect(pick(objects, 'StatefulSet', 'tollgate-gateway').spec).not.toHaveProperty('replicas');
    expect(pick(objects, 'HorizontalPodAutoscaler', 'tollgate-gateway').spec).toMatchObject({
      scaleTargetRef: { kind: 'StatefulSet', name: 'tollgate-gateway' },
      minReplicas: 2,
      maxReplicas: 10,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } },
        { type: 'Pods', pods: { metric: { name: 'tollgate_gateway_requests_in_flight' } } },
      ],
    });
    const byCpu = await render({ ...all, set: ['gateway.autoscaling.callsInFlight.enabled=false'] });
    expect(pick(byCpu, 'HorizontalPodAutoscaler', 'tollgate-gateway').spec!.metrics).toHaveLength(1);
    expect((await render(plain)).map(({ kind }) => kind)).not.toContain('HorizontalPodAutoscaler');
  });

  it.each([
    ['the longest call of a provider', {}, withTimeouts(1_000, 1_234_001, 20_000), 5 + 15 + 1_235 + 30],
    ['what a provider takes by default', {}, withTimeouts(1_000, undefined), 5 + 15 + 600 + 30],
    ['what was said instead', { stop: { drainSeconds: 60, shippingSeconds: 100 } }, withTimeouts(900_000), 180],
    ['a window of nothing', { stop: { preStopSeconds: 0, windowSeconds: 0 } }, withTimeouts(1_000), 31],
    ['a longer time that was asked for', { terminationGracePeriodSeconds: 4_000 }, withTimeouts(1_000), 4_000],
  ])('are given time to end: the pause, the window, shipping, and %s', async (_, gateway, config, seconds) => {
    const spec = podSpec(await gatewayOf({ ...plain, values: { config, gateway } }));
    expect(spec.terminationGracePeriodSeconds).toBe(seconds);
  });

  it('are refused a time to end that is shorter than what they may need', async () => {
    const values = { config: withTimeouts(600_000), gateway: { terminationGracePeriodSeconds: 649 } };
    expect(await refusal({ ...plain, values })).toContain(
      'gateway.terminationGracePeriodSeconds: must be at least 650: 5 before SIGTERM, 15 in which calls are still taken, 600 for the longest call, 30 for shipping the journal',
    );
    const enough = { config: withTimeouts(600_000), gateway: { terminationGracePeriodSeconds: 650 } };
    expect(podSpec(await gatewayOf({ ...plain, values: enough })).terminationGracePeriodSeconds).toBe(650);
  });

  it('know by default the longest call that the app itself takes a provider to need', async () => {
    const file = join(tempFolder('tollgate-config'), 'config.yaml');
    writeFileSync(file, withTimeouts(undefined));
    const [provider] = loadConfig(file, () => 'credential').providers;
    const { env } = podSpec(await gatewayOf({ ...plain, values: { config: withTimeouts(undefined) } })).containers[0]!;
    const window = Number(env!.find(({ name }) => name === 'TOLLGATE_STOP_WINDOW_SECONDS')!.value);
    const spec = podSpec(await gatewayOf({ ...plain, values: { config: withTimeouts(undefined) } }));
    expect(spec.terminationGracePeriodSeconds).toBe(5 + window + provider!.timeoutMs / 1_000 + 30);
  });

  it.each(['gateway', 'key-management', 'usage-billing', 'secret-scanning'])(
    'and services as %s pause before SIGTERM, and have their window within the time they are given',
    async (name) => {
      const objects = await render(all);
      const spec = podSpec(objects.find((one) => podOf(one) && one.metadata.name === `tollgate-${name}`)!);
      const [container] = spec.containers;
      const window = Number(container!.env!.find((one) => one.name === 'TOLLGATE_STOP_WINDOW_SECONDS')!.value);
      expect(container!.lifecycle).toEqual({ preStop: { sleep: { seconds: 5 } } });
      expect(window).toBe(15);
      // What the services take for requests in flight, and to close what they have open.
      expect(spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(5 + window + 15);
    },
  );

  it.each(['gateway', 'key-management', 'usage-billing', 'secret-scanning'])(
    'and services as %s are probed where they say how they are: a start may take ten minutes, a store that is away restarts nobody',
    async (name) => {
      const objects = await render(plain);
      const [container] = podSpec(
        objects.find((one) => podOf(one) && one.metadata.name === `tollgate-${name}`)!,
      ).containers;
      const { startupProbe, livenessProbe, readinessProbe } = container!;
      expect(startupProbe!.httpGet).toEqual(livenessProbe!.httpGet);
      expect(livenessProbe!.httpGet!.path).not.toBe(readinessProbe!.httpGet!.path);
      for (const probe of [startupProbe, livenessProbe, readinessProbe])
        expect(probe!.httpGet!.port).toBe('operations');
      expect(startupProbe!.periodSeconds! * startupProbe!.failureThreshold!).toBeGreaterThanOrEqual(600);
      expect(livenessProbe!.periodSeconds! * livenessProbe!.failureThreshold!).toBeGreaterThanOrEqual(60);
    },
  );
});

describe('every service', () => {
  it('gives up one pod at a time, those that are not healthy at any time, and spreads over nodes and zones', async () => {
    for (const ci of ['all', 'plain']) {
      const objects = await render({ ci: [ci], set: ['secretScanning.replicas=1'] });
      for (const name of ['gateway', 'key-management', 'usage-billing', 'secret-scanning']) {
        const budget = pick(objects, 'PodDisruptionBudget', `tollgate-${name}`).spec!;
        const workload = objects.find((one) => podOf(one) && one.metadata.name === `tollgate-${name}`)!;
        expect(budget).not.toHaveProperty('minAvailable');
        expect(budget).toMatchObject({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' });
        expect(budget.selector).toEqual(workload.spec!.selector);
        expect(podSpec(workload).topologySpreadConstraints).toMatchObject([
          { topologyKey: 'kubernetes.io/hostname', labelSelector: workload.spec!.selector },
          { topologyKey: 'topology.kubernetes.io/zone', labelSelector: workload.spec!.selector },
        ]);
      }
    }
  });

  it('is made anew when the configuration file has changed, and only then', async () => {
    const sums = async (values: RenderOptions['values']) =>
      (await render({ ci: ['plain'], ...(values && { values }) }))
        .filter(({ kind }) => kind === 'StatefulSet' || kind === 'Deployment')
        .map((one) => podOf(one)!.metadata.annotations!['checksum/config']!);
    const [before, same, after] = [
      await sums({ config: withTimeouts(1_000) }),
      await sums({ config: withTimeouts(1_000), logLevel: 'debug' }),
      await sums({ config: withTimeouts(2_000) }),
    ];
    expect(before).toHaveLength(4);
    expect(same).toEqual(before);
    expect(after.filter((sum) => before.includes(sum))).toEqual([]);
  });

  it('reads the configuration file that was given, as it was given', async () => {
    const config = `# A comment: {{ not a template }}\n${withTimeouts(7_000)}\n`;
    const map = pick(await render({ ci: ['plain'], values: { config } }), 'ConfigMap', 'tollgate-config');
    expect(map.data!['config.yaml']).toBe(config);
    expect(parse(map.data!['config.yaml']!)).toHaveProperty('providers');
  });

  it('waits for the schema of its own service as a user who cannot change it', async () => {
    for (const name of ['key-management', 'usage-billing', 'secret-scanning']) {
      const objects = await render(all);
      const { initContainers, containers } = podSpec(pick(objects, 'Deployment', `tollgate-${name}`));
      expect(initContainers).toHaveLength(1);
      expect(initContainers![0]!.args).toEqual([`apps/${name}/dist/migrate.js`]);
      for (const container of [initContainers![0]!, containers[0]!]) {
        expect(container.env).toContainEqual({ name: 'TOLLGATE_MIGRATIONS', value: 'wait' });
        expect(container.env!.map((one) => one.name).join()).not.toContain('DATABASE_MIGRATION');
      }
    }
  });
});
