import type { IncomingMessage } from 'node:http';
import { endOnSignals, listenersFree, startService, type ListenerSettings } from '@tollgate/app-process';
import { stopListening } from '@tollgate/http';
import {
  createLogger,
  createMetricsRegistry,
  startOperationsListener,
  type Logger,
  type LogLevel,
  type Readiness,
  type Registry,
} from '@tollgate/telemetry';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/** The environment variables of every service. */
export interface ServiceEnvironment extends ListenerSettings {
  readonly LOG_LEVEL: LogLevel;
}

/** The parts that a service gets before it opens its connections. */
export interface ServiceContext<Environment> {
  readonly environment: Environment;
  readonly logger: Logger;
  /** Served at `/metrics` of the operations listener. */
  readonly registry: Registry;
}

/** A service that has opened its connections and does not listen yet. */
export interface OpenedService {
  /** The application. Its microservices are connected, and are started before it listens. */
  readonly app: NestFastifyApplication;
  /** The check behind `/readyz`. */
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

/**
 * Runs a service as a process of its own. It reads the environment, makes sure that the ports are free before anything
 * is changed, opens the service, and listens. At SIGTERM and SIGINT it stops in order: it takes no new requests, waits
 * for those in flight, then closes the connections. If an operator can mend why the start failed, it prints one line on
 * standard error and exits with 1.
 *
 * @example
 * runService({ name: 'key-management', readEnvironment, open: async ({ environment, logger, registry }) => { … } });
 */
export function runService<Environment extends ServiceEnvironment>(options: ServiceOptions<Environment>): void {
  startService(options.name, () => start(options));
}

async function start<Environment extends ServiceEnvironment>({
  name,
  readEnvironment,
  open,
}: ServiceOptions<Environment>): Promise<void> {
  const environment = readEnvironment();
  const logger = createLogger({ service: name, level: environment.LOG_LEVEL });
  const tell = (line: string): void => logger.info(line);
  tell('starting');
  await listenersFree(environment);
  const registry = createMetricsRegistry(name);
  const service = await open({ environment, logger, registry });
  const { app } = service;
  await app.startAllMicroservices();
  await service.start?.(tell);
  await app.listen(environment.TOLLGATE_PORT, environment.TOLLGATE_HOST);
  const operations = await startOperationsListener({
    host: environment.TOLLGATE_OPERATIONS_HOST,
    port: environment.TOLLGATE_OPERATIONS_PORT,
    registry,
    ready: service.ready,
  });
  logger.info({ url: await app.getUrl(), operations: operations.url }, 'listening');
  endOnSignals({ stop: (signal) => stop(service, signal, tell, operations), tell });
}

async function stop(
  service: OpenedService,
  signal: NodeJS.Signals,
  tell: (line: string) => void,
  operations: { close(): unknown },
): Promise<void> {
  const { app, graceMs, answering, end, connections } = service;
  tell(`stopping (${signal}): taking no new requests`);
  await stopListening(app, {
    tell,
    ...(graceMs !== undefined && { graceMs }),
    ...(answering !== undefined && { answering }),
  });
  await end?.(tell);
  tell('closing the connections to other servers');
  await app.close();
  await Promise.allSettled([operations, ...connections].map(async (connection) => connection.close()));
  tell('stopped');
}
