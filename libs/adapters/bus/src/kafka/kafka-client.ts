import { createRequire } from 'node:module';
import { Logger } from '@nestjs/common';
import { Kafka, logLevel, type LogEntry } from 'kafkajs';
import { provideZstd } from './compression.js';

/** Whom a process signs in as. */
export interface KafkaUser {
  readonly username: string;
  readonly password: string;
}

/** The address of a Kafka cluster, and how this process names itself and its topics there. */
export interface KafkaConnection {
  /** `host:port`, one or more. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Put before each topic's name on the cluster, so that several installations can share one. Default none. */
  readonly topicPrefix?: string;
  /** Signs in by SASL/SCRAM-SHA-512. Without it the cluster is used without a name. */
  readonly user?: KafkaUser;
  /** Connects by TLS. `ca`: certificates in PEM to trust in the place of those that Node.js knows. */
  readonly tls?: { readonly ca?: string };
}

const CONNECT_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * A client that stops retrying after about 5 s: callers retry themselves, and have to learn of the failure. `heard` is
 * given each line that kafkajs logs: at times it knows a cause that the error does not have.
 */
export function kafkaClient({ brokers, clientId, user, tls }: KafkaConnection, heard?: (line: string) => void): Kafka {
  stopIdleTimer();
  provideZstd();
  return new Kafka({
    brokers: [...brokers],
    clientId,
    ...(user === undefined ? {} : { sasl: { mechanism: 'scram-sha-512', ...user } }),
    ...(tls === undefined ? {} : { ssl: tls.ca === undefined ? true : { ca: [tls.ca] } }),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: { retries: 6, initialRetryTime: 100, maxRetryTime: 1_000, factor: 0, multiplier: 2 },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => {
      const line = lineOf(entry);
      heard?.(line);
      log(line);
    },
  });
}

const nestLogger = new Logger('Kafka');
const SAME_LINE_EVERY_MS = 10_000;
const lastLogged = new Map<string, number>();
/**
 * What callers say in a sentence of their own (`explained`), where kafkajs has two or three lines, and that a topic is
 * not there yet (`ensureTopics`).
 */
const TOLD_BY_CALLERS = /SASL|not authorized|authorization failed|Response Metadata.*does not host this topic/i;

const lineOf = ({ namespace, log: { message, error } }: LogEntry): string =>
  `${namespace}: ${message}${error === undefined ? '' : ` (${String(error)})`}`;

/**
 * kafkajs logs as errors what it goes on to retry: here these are warnings. A final failure rejects, and the caller
 * logs it. The same line is logged once in 10 s: while a cluster is unreachable kafkajs repeats it several times a
 * second.
 */
function log(line: string): void {
  if (TOLD_BY_CALLERS.test(line)) return;
  const now = performance.now();
  if (now - (lastLogged.get(line) ?? -Infinity) < SAME_LINE_EVERY_MS) return;
  // Lines that contain numbers differ each time: clearing the map bounds it.
  if (lastLogged.size > 100) lastLogged.clear();
  lastLogged.set(line, now);
  nestLogger.warn(line);
}

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}
let idleTimerStopped = false;

/**
 * kafkajs 2.2.4 sets a timer after each response even when nothing waits, with a delay far below zero: Node
 * makes that 1 ms and warns, and an idle client spins (tulios/kafkajs#1751). Only set it when there is something to do.
 */
function stopIdleTimer(): void {
  if (idleTimerStopped) return;
  idleTimerStopped = true;
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    prototype: RequestQueue;
  };
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
}
