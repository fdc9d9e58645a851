import { join } from 'node:path';
import { freePort, grantKafka, tempFolder, type KafkaServer, type ProcessExit } from '@tollgate/infra';
import {
  ManagedProcess,
  repository,
  startDistributed,
  TollgateClient,
  type DistributedApp,
  type DistributedShape,
  type Environment,
} from '@tollgate/journey';
import { CallBalancer, ConnectionBalancer, type Backend } from './balancer.js';

/** A built Tollgate: the present one, or a former one in a folder of its own. */
export interface Release {
  readonly name: string;
  /** The root of its checkout, which is built. */
  readonly folder: string;
  /** What a process of this release is told where the present one is told `environment`. */
  readonly environmentOf: (app: DistributedApp, environment: Environment) => Environment;
}

/** The release that is being tested. */
export const presentRelease: Release = {
  name: 'present',
  folder: repository,
  environmentOf: (_, environment) => environment,
};

/** A process that stands for a pod: another one in its place has another address. */
export interface Pod {
  readonly app: DistributedApp;
  readonly release: Release;
  readonly process: ManagedProcess;
  readonly backend: Backend;
}

export interface FleetOptions {
  readonly release: Release;
  /** Gateways; default 3. */
  readonly gateways?: number;
  /** Processes of each other service; default 2. */
  readonly others?: number;
  /** What every process is told besides. */
  readonly environment?: Environment;
  /** Further options of the distributed shape, such as servers of its own. */
  readonly servers?: Parameters<typeof startDistributed>[0];
}

/**
 * The release in a folder, as it ran before gateways shared a volume and stores had a user for each service: each
 * gateway has a folder of its own, and nobody signs in at Kafka and Redis.
 */
export const formerRelease = (folder: string, plainKafkaBrokers: string): Release => ({
  name: 'former',
  folder,
  environmentOf: (app, environment) => {
    const { KAFKA_USERNAME: _, KAFKA_PASSWORD: __, REDIS_URL: redis, TOLLGATE_DATA: data, ...others } = environment;
    const ofGateway = join(data ?? '', '..', `of-gateway-${environment['TOLLGATE_PORT']}`);
    return {
      ...others,
      KAFKA_BROKERS: plainKafkaBrokers,
      ...(redis !== undefined && { REDIS_URL: withoutUser(redis) }),
      ...(data !== undefined && { TOLLGATE_DATA: app === 'gateway' ? ofGateway : data }),
    };
  },
});

function withoutUser(redisUrl: string): string {
  const url = new URL(redisUrl);
  [url.username, url.password] = ['', ''];
  return url.href;
}

/** In which order the services of a release are replaced, as docs/UPGRADE.md says. */
export const UPGRADE_ORDER: readonly DistributedApp[] = [
  'key-management',
  'usage-billing',
  'secret-scanning',
  'gateway',
];

/**
 * A distributed Tollgate of several processes a service, each behind a balancer, whose processes can be replaced by
 * those of another release.
 */
export class Fleet {
  readonly pods: Pod[] = [];
  readonly #retired: ManagedProcess[] = [];
  #number = 0;

  private constructor(
    readonly shape: DistributedShape,
    private readonly told: ReadonlyMap<DistributedApp, Environment>,
    private readonly gatewayCalls: CallBalancer,
    private readonly services: ReadonlyMap<DistributedApp, ConnectionBalancer>,
    private readonly options: FleetOptions,
    private readonly client: TollgateClient,
    private readonly internal: TollgateClient,
  ) {}

  static async start(options: FleetOptions): Promise<Fleet> {
    const { release, gateways = 3, others = 2, environment = {} } = options;
    const gatewayCalls = await CallBalancer.start();
    const services = new Map<DistributedApp, ConnectionBalancer>();
    for (const app of UPGRADE_ORDER) if (app !== 'gateway') services.set(app, await ConnectionBalancer.start());
    const addresses = {
      KEY_MANAGEMENT_URL: services.get('key-management')!.url,
      USAGE_BILLING_URL: services.get('usage-billing')!.url,
      SECRET_SCANNING_URL: services.get('secret-scanning')!.url,
      TOLLGATE_PUBLIC_URL: gatewayCalls.url,
    };
    const journals = tempFolder('tollgate-journals');
    const told = new Map<DistributedApp, Environment>();
    const first = new Map<string, Backend>();
    const shape = await startDistributed({
      ...options.servers,
      gateways,
      releaseFolder: release.folder,
      environmentOf: (name, given) => {
        const app = name.replace(/ \d+$/, '') as DistributedApp;
        const known = Object.entries(addresses).filter(([variable]) => variable in given);
        // One volume for the journals of all gateways, as in production.
        const data: Environment = app === 'gateway' ? { TOLLGATE_DATA: journals } : {};
        const all: Environment = { ...given, ...Object.fromEntries(known), ...data, ...environment };
        told.set(app, all);
        const own = release.environmentOf(app, all);
        const backend = {
          port: Number(own['TOLLGATE_PORT']),
          operationsPort: Number(own['TOLLGATE_OPERATIONS_PORT']),
        };
        first.set(name, backend);
        // A gateway is not ready before it has reached the services, so their balancers look for them from now on.
        (services.get(app) ?? gatewayCalls).add(backend, false);
        return own;
      },
    });
    const seen = shape.canaries.keySecrets;
    const client = new TollgateClient(gatewayCalls.url, shape.adminSecret, seen);
    const serviceSecret = told.get('usage-billing')!['TOLLGATE_SERVICE_SECRET']!;
    const internal = new TollgateClient(addresses.USAGE_BILLING_URL, serviceSecret, seen);
    const fleet = new Fleet(shape, told, gatewayCalls, services, options, client, internal);
    for (const process of shape.processes) {
      const app = process.name.replace(/ \d+$/, '') as DistributedApp;
      fleet.pods.push({ app, release, process, backend: first.get(process.name)! });
    }
    for (const app of UPGRADE_ORDER.filter((each) => each !== 'gateway'))
      for (let extra = 1; extra < others; extra += 1) await fleet.add(app, release);
    return fleet;
  }

  /** The fleet as one Tollgate with one address: what load and invariants ask. */
  asShape(): DistributedShape {
    const [gateway] = this.shape.gateways;
    return {
      ...this.shape,
      gateways: [{ ...gateway!, url: this.gatewayCalls.url }],
      client: () => this.client,
      askUsageBilling: async <T>(path: string) => {
        const reply = await this.internal.admin('GET', path);
        if (reply.status !== 200) throw new Error(`usage-billing answered ${path} with ${reply.status}: ${reply.text}`);
        return reply.json<T>();
      },
    };
  }

  /** Takes from Kafka what clients that do not sign in were given for the upgrade. */
  async closePlainKafka(kafka: Pick<KafkaServer, 'brokers'>): Promise<void> {
    await grantKafka(kafka.brokers, this.told.get('gateway')!['KAFKA_TOPIC_PREFIX']!);
  }

  /** The pods of a service, in the order in which they were started. */
  podsOf(app: DistributedApp): Pod[] {
    return this.pods.filter((pod) => pod.app === app);
  }

  /** A client of one process, with the admin secret. */
  clientOf(pod: Pod): TollgateClient {
    return new TollgateClient(
      `http://127.0.0.1:${pod.backend.port}`,
      this.shape.adminSecret,
      this.shape.canaries.keySecrets,
    );
  }

  /** Starts a process with an address of its own; calls are given to it when it is ready. */
  async add(app: DistributedApp, release: Release): Promise<Pod> {
    const [port, operationsPort] = [await freePort(), await freePort()];
    const environment = release.environmentOf(app, {
      ...this.told.get(app)!,
      TOLLGATE_PORT: String(port),
      TOLLGATE_OPERATIONS_PORT: String(operationsPort),
    });
    this.#number += 1;
    const process = await ManagedProcess.start({
      name: `${app} of the ${release.name} release, number ${this.#number}`,
      script: join(release.folder, 'apps', app, 'dist/main.js'),
      cwd: release.folder,
      env: environment,
      readyWhen: `http://127.0.0.1:${operationsPort}/readyz`,
      readyWithinMs: 120_000,
    });
    const pod = { app, release, process, backend: { port, operationsPort } };
    this.pods.push(pod);
    this.#balancerOf(pod).add(pod.backend, true);
    return pod;
  }

  /** Gives a process no new calls, or no new connections, any more. */
  takeOut(pod: Pod): void {
    this.#balancerOf(pod).remove(pod.backend);
  }

  /** Asks a process to stop by SIGTERM; resolves with how it ended. The balancer learns of it by `/readyz` alone. */
  async retire(pod: Pod): Promise<ProcessExit> {
    const exit = await pod.process.askToStop();
    this.#forget(pod);
    return exit;
  }

  /** SIGKILL. */
  async kill(pod: Pod): Promise<void> {
    await pod.process.kill();
    this.#forget(pod);
  }

  /** All that the processes wrote, for a failed test. */
  get processes(): readonly ManagedProcess[] {
    return [...new Set([...this.shape.processes, ...this.#retired, ...this.pods.map(({ process }) => process)])];
  }

  async stop(): Promise<void> {
    const exits = this.pods.map(({ process }) => process.stop());
    await Promise.all(exits);
    await this.shape.stop();
    await Promise.all([this.client.close(), this.internal.close()]);
    await Promise.all([this.gatewayCalls, ...this.services.values()].map((balancer) => balancer.stop()));
  }

  #forget(pod: Pod): void {
    this.takeOut(pod);
    this.pods.splice(this.pods.indexOf(pod), 1);
    this.#retired.push(pod.process);
  }

  #balancerOf({ app }: Pod): CallBalancer | ConnectionBalancer {
    return app === 'gateway' ? this.gatewayCalls : this.services.get(app)!;
  }
}
