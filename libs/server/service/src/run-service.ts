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

/** What the environment of every service has. */
export interface ServiceEnvironment extends ListenerSettings {
  readonly LOG_LEVEL: LogLevel;
}

export interface ServiceContext<Environment> {
  readonly environment: Environment;
  readonly logger: Logger;
  /** Served at `/metrics` of the operations listener. */
  readonly registry: Registry;
}

/** A service that has all it needs, and does not listen yet. */
export interface OpenedService {
  /** Its microservices are connected; they start before it listens. */
  readonly app: NestFastifyApplication;
  /** What `/readyz` says. */
  readonly ready: () => Promise<Readiness>;
  /** Closed at the end, side by side, when nothing is answered any more: those that fail keep none from closing. */
  readonly connections: readonly { close(): unknown }[];
  /** Done before it listens. `tell` takes a line for the operator. */
  readonly start?: (tell: (line: string) => void) => Promise<void>;
  /** Done when the last request is answered, before the application is closed. */
  readonly end?: (tell: (line: string) => void) => Promise<void>;
  /** Milliseconds after which requests in flight are cut off at the end; left out: as long as they take. */
  readonly graceMs?: number;
  /** Requests that are answered beside the framework, where there are such. */
  readonly answering?: () => Iterable<IncomingMessage>;
}

export interface ServiceOptions<Environment extends ServiceEnvironment> {
  /** In logs, metrics, and connections to servers. */
  readonly name: string;
  /** Throws an `EnvironmentError` that names all that is wrong. */
  readonly readEnvironment: () => Environment;
  readonly open: (context: ServiceContext<Environment>) => Promise<OpenedService>;
}

/**
 * Runs a service as the whole of its process: reads its environment, makes sure that its ports are free before anything
 * is changed, opens it, listens, and stops in order at SIGTERM and SIGINT: first no new requests, then those in flight,
 * then what they needed. What an operator can mend at the start is one line on standard error, with exit code 1.
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
