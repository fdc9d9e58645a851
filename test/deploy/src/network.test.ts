import { beforeAll, describe, expect, it } from 'vitest';
import { podOf, type KubernetesObject, type Labels, type NetworkRule } from './chart/kubernetes-object.js';
import { render } from './chart/render.js';

const services = ['gateway', 'key-management', 'usage-billing', 'secret-scanning'];

/** A port of pods of a component, or of anything outside of the release. */
type Edge = `${string} -> ${string}:${number}`;

/** What a set of policies lets through: both ends must allow it, if both are pods of the release. */
class Network {
  readonly #policies: readonly KubernetesObject[];
  readonly #pods: ReadonlyMap<string, Labels>;

  constructor(objects: readonly KubernetesObject[]) {
    this.#policies = objects.filter(({ kind }) => kind === 'NetworkPolicy');
    this.#pods = new Map(
      objects.flatMap((object) => {
        const pod = podOf(object);
        return pod ? [[pod.metadata.labels['app.kubernetes.io/component']!, pod.metadata.labels] as const] : [];
      }),
    );
  }

  get components(): string[] {
    return [...this.#pods.keys()];
  }

  /** Whether a policy of this direction selects the pods: what none selects is open. */
  isolated(component: string, direction: 'Ingress' | 'Egress'): boolean {
    return this.#of(component).some(({ spec }) => spec!.policyTypes!.includes(direction));
  }

  /** Connections within the release. */
  inside(): Edge[] {
    return this.components.flatMap((from) =>
      this.components.flatMap((to) =>
        this.#ports(this.#rules(from, 'egress'), 'to', to)
          .filter((port) => this.#ports(this.#rules(to, 'ingress'), 'from', from).includes(port))
          .map((port): Edge => `${from} -> ${to}:${port}`),
      ),
    );
  }

  /** Ports to which pods may connect outside of the release, whatever is there. */
  outside(from: string): number[] {
    const open = this.#rules(from, 'egress').filter(
      ({ to }) => to === undefined || to.some((peer) => !peer.podSelector),
    );
    return [...new Set(open.flatMap(({ ports }) => ports.map(({ port }) => port)))].sort((a, b) => a - b);
  }

  /** Ports that can be reached from outside of the release. */
  reachable(component: string): number[] {
    const open = this.#rules(component, 'ingress').filter(
      ({ from }) => from === undefined || from.some((peer) => !peer.podSelector),
    );
    return open.flatMap(({ ports }) => ports.map(({ port }) => port));
  }

  rules(component: string, direction: 'ingress' | 'egress'): NetworkRule[] {
    return this.#rules(component, direction);
  }

  #ports(rules: readonly NetworkRule[], side: 'from' | 'to', component: string): number[] {
    return rules
      .filter((rule) =>
        rule[side]?.some(({ podSelector }) => podSelector && this.#selects(podSelector.matchLabels, component)),
      )
      .flatMap(({ ports }) => ports.map(({ port }) => port));
  }

  #selects(selector: Labels, component: string): boolean {
    return Object.entries(selector).every(([name, value]) => this.#pods.get(component)![name] === value);
  }

  #of(component: string): KubernetesObject[] {
    return this.#policies.filter(({ spec }) => this.#selects(spec!.podSelector!.matchLabels, component));
  }

  #rules(component: string, direction: 'ingress' | 'egress'): NetworkRule[] {
    return this.#of(component).flatMap(({ spec }) => spec![direction] ?? []);
  }
}

describe('the network', () => {
  let trying: Network;
  let everything: Network;
  beforeAll(async () => {
    trying = new Network(await render({ ci: ['in-cluster'] }));
    everything = new Network(await render({ ci: ['all'] }));
  });

  it('is closed to every pod in both directions but for what is allowed', () => {
    for (const network of [trying, everything])
      for (const component of network.components)
        for (const direction of ['Ingress', 'Egress'] as const)
          expect(network.isolated(component, direction), `${component} ${direction}`).toBe(true);
    expect(trying.components.sort()).toEqual(['migration', ...services, 'postgres', 'redis', 'kafka'].sort());
  });

  it('lets each service reach what it needs and nothing else', () => {
    expect(trying.inside().sort()).toEqual(
      [
        ...['key-management', 'usage-billing', 'secret-scanning'].map((to): Edge => `gateway -> ${to}:8080`),
        'key-management -> usage-billing:8080',
        'usage-billing -> key-management:8080',
        'secret-scanning -> key-management:8080',
        'secret-scanning -> usage-billing:8080',
        ...['key-management', 'usage-billing', 'secret-scanning', 'migration'].map(
          (from): Edge => `${from} -> postgres:5432`,
        ),
        ...['gateway', 'key-management', 'usage-billing'].map((from): Edge => `${from} -> redis:6379`),
        ...services.map((from): Edge => `${from} -> kafka:9092`),
      ].sort(),
    );
  });

  it('says who calls whom as the environment of the services does', async () => {
    const objects = await render({ ci: ['in-cluster'] });
    const told = objects
      .filter(({ kind }) => kind !== 'Job')
      .flatMap((object) =>
        (podOf(object)?.spec.containers ?? [])
          .filter(({ name }) => services.includes(name))
          .flatMap(({ name, env = [] }) =>
            env.flatMap(({ value }) =>
              [...value!.matchAll(/(?:\/\/(?:[^@/]*@)?|^|,)tollgate-([a-z-]+):(\d+)/g)].map(
                ([, to, port]): Edge => `${name} -> ${to!}:${Number(port)}`,
              ),
            ),
          ),
      );
    const allowed = trying.inside().filter((edge) => !edge.startsWith('migration '));
    expect([...new Set(told)].sort()).toEqual(allowed.sort());
  });

  it('is open to callers at the gateway alone, and to Prometheus where it is named', () => {
    for (const component of trying.components)
      expect(trying.reachable(component), component).toEqual(component === 'gateway' ? [8080] : []);
    for (const component of everything.components)
      expect(everything.reachable(component), component).toEqual(
        component === 'gateway' ? [8080, 9090] : services.includes(component) ? [9090] : [],
      );
    const [callers] = everything.rules('gateway', 'ingress');
    expect(callers).toMatchObject({ from: [{ namespaceSelector: {} }], ports: [{ port: 8080 }] });
  });

  it('finds names by UDP and TCP, on nodes and at OpenShift’s port too', () => {
    const dns = trying.rules('redis', 'egress');
    expect(dns).toEqual([
      { ports: [53, 5353].flatMap((port) => ['UDP', 'TCP'].map((protocol) => ({ protocol, port }))) },
    ]);
    for (const component of everything.components) expect(everything.rules(component, 'egress')).toContainEqual(dns[0]);
  });

  it('lets out only who calls somebody outside: providers, webhooks, identity providers, GitHub', () => {
    for (const component of trying.components)
      expect(trying.outside(component), component).toEqual(services.includes(component) ? [53, 443, 5353] : [53, 5353]);
  });

  it('leads to stores elsewhere on their ports, to each from whoever uses it', () => {
    const kafka = [9094, 9095];
    expect(everything.outside('gateway')).toEqual([53, 443, 5353, 6380, 8443, ...kafka]);
    expect(everything.outside('key-management')).toEqual([53, 443, 465, 5353, 5432, 6380, 6432, 8443, ...kafka]);
    expect(everything.outside('usage-billing')).toEqual([53, 443, 465, 5353, 5432, 6380, 6432, 8443, ...kafka]);
    expect(everything.outside('secret-scanning')).toEqual([53, 443, 465, 5353, 5432, 6432, 8443, ...kafka]);
    expect(everything.outside('migration')).toEqual([53, 5353, 5432, 6432]);
    expect(everything.outside('ship-journals')).toEqual([53, 5353, ...kafka]);
    const stores = everything.rules('gateway', 'egress').filter(({ to }) => JSON.stringify(to ?? '').includes('cidr'));
    expect(stores.flatMap(({ ports }) => ports.map(({ port }) => port))).toEqual([6380, ...kafka]);
  });

  it('has no rules of ours where they are switched off', async () => {
    const objects = await render({ ci: ['in-cluster'], set: ['networkPolicy.enabled=false'] });
    expect(objects.map(({ kind }) => kind)).not.toContain('NetworkPolicy');
  });
});
