import type { IncomingMessage } from 'node:http';
import { endOnSignals, listenersFree, startService, stopRequest, type ListenerSettings } from '@tollgate/app-process';
import { stopListening } from '@tollgate/http';
import { inTime } from '@tollgate/periodic';
import {
  createLogger,
  createMetricsRegistry,
  startOperationsListener,
  type Logger,
  type LogLevel,
  type OperationsListener,
  type Readiness,
  type Registry,
} from '@tollgate/telemetry';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { StartProgress, type WaitFor } from './start-progress.js';

/** The environment variables of every service. */
export interface ServiceEnvironment extends ListenerSettings {
  readonly LOG_LEVEL: LogLevel;
  readonly TOLLGATE_STOP_WINDOW_SECONDS: number;
}

/** The parts that a service gets before it opens its connections. */
export interface ServiceContext<Environment> {
  readonly environment: Environment;
  readonly logger: Logger;
  /** Served at `/metrics` of the operations listener. */
  readonly registry: Registry;
  /** Says what the start waits for, while it takes long. */
  readonly waitFor: WaitFor;
}

/** A service that has opened its connections and does not listen yet. */
export interface OpenedService {
  /** The application. Its microservices are connected, and are started before it listens. */
  readonly app: NestFastifyApplication;
  /** The check behind `/readyz` between the start and the stop: whether this process is worse than another. */
  readonly ready: () => Promise<Readiness>;
  /** Closed in parallel at the end, after the last reply. If closing one fails, the others are still closed. */
  readonly connections: readonly { close(): unknown }[];
  /** Runs before it listens. `tell` logs a line for the operator. */
  readonly start?: (tell: (line: string) => void) => Promise<void>;
  /** Runs after the last request was answered, before the application is closed. */
  readonly end?: (tell: (line: string) => void) => Promise<void>;
  /**
   * Milliseconds after which requests in flight are cut off at the end. If absent, they may take as long as they need.
   */
  readonly graceMs?: number;
  /** Requests that are answered outside the framework, if there are any. */
  readonly answering?: () => Iterable<IncomingMessage>;
}

export interface ServiceOptions<Environment extends ServiceEnvironment> {
  /** The name in logs, metrics, and connections to servers. */
  readonly name: string;
  /** Reads the environment, or throws an `EnvironmentError` that names all faults. */
  readonly readEnvironment: () => Environment;
  readonly open: (context: ServiceContext<Environment>) => Promise<OpenedService>;
}

/** How long a stop during the start waits for the step under way. After it the process ends as it is. */
const STEP_MS_MAX = 2_000;
/**
 * How long the end waits for what goes on without a request, as a batch of events: a server whose connections are open
 * and that says nothing would hold it up for ever. What is cut off is done again by the next process, as after a kill.
 * The chart's grace period has 15 s for this and for calls under way.
 */
const CLOSE_MS_MAX = 8_000;

/**
 * Runs a service as a process of its own. It reads the environment, makes sure that the ports are free before anything
 * is changed, opens the operations listener, opens the service, and listens.
 *
 * At SIGTERM, or SIGHUP, it stops in order: it calls itself not ready; serves requests for the stop window, so that
 * balancers can send them elsewhere, and closes each connection with its reply; then takes no new ones, waits for those
 * in flight, and closes its connections. SIGINT comes from a person at a terminal, for whom there is no window. A
 * signal during the start ends it at the next step, or as it is if that takes long: a start can be repeated.
 *
 * If an operator can mend why the start failed, it prints one line on standard error and exits with 1.
 *
 * @example
 * runService({ name: 'key-management', readEnvironment, open: async ({ environment, logger, registry }) => { … } });
 */
export function runService<Environment extends ServiceEnvironment>(options: ServiceOptions<Environment>): void {
  startService(options.name, async () => {
    const environment = options.readEnvironment();
    await new ServiceProcess(options, environment).run();
  });
}

/** One life of a service, from its start to its stop. */
class ServiceProcess<Environment extends ServiceEnvironment> {
  readonly #logger: Logger;
  readonly #progress: StartProgress;
  readonly #registry: Registry;
  #stage: 'starting' | 'started' | 'stopping' = 'starting';
  #service: OpenedService | null = null;
  #operations: OperationsListener | null = null;
  /** Whether the service has begun what its end must bring to an end. */
  #begun = false;

  constructor(
    private readonly options: ServiceOptions<Environment>,
    private readonly environment: Environment,
  ) {
    this.#logger = createLogger({ service: options.name, level: environment.LOG_LEVEL });
    this.#registry = createMetricsRegistry(options.name);
    this.#progress = new StartProgress((line) => this.#logger.info(line));
  }

  /** Resolves when it listens, or when a signal has ended the start. */
  async run(): Promise<void> {
    this.#tell('starting');
    const start = this.#start();
    endOnSignals({
      tell: (line) => this.#tell(line),
      stop: async (signal) => {
        if (this.#stage === 'started') return this.#stop(signal);
        this.#stage = 'stopping';
        await this.#stopStarting(signal, start);
      },
    });
    await start.catch((error: unknown) => {
      // What a step says that a stop has overtaken is of no use any more.
      if (this.#stage !== 'stopping') throw error;
    });
  }

  async #start(): Promise<void> {
    const { environment } = this;
    await listenersFree(environment);
    this.#operations = await startOperationsListener({
      host: environment.TOLLGATE_OPERATIONS_HOST,
      port: environment.TOLLGATE_OPERATIONS_PORT,
      registry: this.#registry,
      ready: () => this.#readiness(),
    });
    if (stopRequest().signal !== null) return;
    const { waitFor } = this.#progress;
    const service = await this.options.open({ environment, logger: this.#logger, registry: this.#registry, waitFor });
    this.#service = service;
    const { app } = service;
    const steps = [
      () => waitFor('the bus', app.startAllMicroservices()),
      () => {
        this.#begun = true;
        return service.start?.((line) => this.#tell(line));
      },
      () => app.listen(environment.TOLLGATE_PORT, environment.TOLLGATE_HOST),
    ];
    for (const step of steps) {
      if (stopRequest().signal !== null) return;
      await step();
    }
    this.#logger.info({ url: await app.getUrl(), operations: this.#operations.url }, 'listening');
    // A stop that came meanwhile has the stage in its hands.
    if (stopRequest().signal === null) this.#stage = 'started';
  }

  async #readiness(): Promise<Readiness> {
    if (this.#stage === 'started' && this.#service !== null) return this.#service.ready();
    const { waitingFor } = this.#progress;
    return {
      ready: false,
      checks: {},
      stage: this.#stage === 'stopping' ? 'stopping' : 'starting',
      ...(waitingFor !== null && { waitingFor }),
    };
  }

  async #stopStarting(signal: NodeJS.Signals, start: Promise<void>): Promise<void> {
    this.#tell(`stopping (${signal}) during the start`);
    const ended = start.then(
      () => 'between two steps' as const,
      () => 'failed' as const,
    );
    // A step that does not end has nothing that must be closed: the same start can be killed.
    if ((await inTime(ended, STEP_MS_MAX, () => 'under way' as const)) !== 'between two steps') return;
    if (this.#service !== null) await this.#close(this.#service);
    this.#tell('stopped');
  }

  async #stop(signal: NodeJS.Signals): Promise<void> {
    this.#stage = 'stopping';
    const service = this.#service;
    if (service === null) return;
    const seconds = signal === 'SIGINT' ? 0 : this.environment.TOLLGATE_STOP_WINDOW_SECONDS;
    this.#tell(`stopping (${signal}): ${seconds === 0 ? 'taking no new requests' : `serving for ${seconds} s more`}`);
    await this.#close(service, seconds * 1_000);
    this.#tell('stopped');
  }

  async #close(service: OpenedService, windowMs = 0): Promise<void> {
    const { app, graceMs, answering, end, connections } = service;
    await stopListening(app, {
      windowMs,
      tell: (line) => this.#tell(line),
      ...(graceMs !== undefined && { graceMs }),
      ...(answering !== undefined && { answering }),
    });
    if (this.#begun) await end?.((line) => this.#tell(line));
    this.#tell('closing the connections to other servers');
    const closed = app.close().then(async () => {
      const last = [this.#operations, ...connections];
      await Promise.allSettled(last.map(async (connection) => connection?.close()));
    });
    await inTime(closed, CLOSE_MS_MAX, () => this.#tell('not waiting any longer for a server that does not answer'));
  }

  #tell(line: string): void {
    this.#logger.info(line);
  }
}
