import { createRequire } from 'node:module';
import { Logger } from '@nestjs/common';
import { Kafka, logLevel, type LogEntry } from 'kafkajs';
import { provideZstd } from './compression.js';

export interface KafkaConnection {
  /** `host:port`, one or more. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Put before each topic's name on the cluster, so that several installations can share one. Default none. */
  readonly topicPrefix?: string;
}

const CONNECT_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 10_000;

/** A client whose retries are over after about 5 s: callers have retries of their own, and must know. */
export function kafkaClient({ brokers, clientId }: KafkaConnection): Kafka {
  stopIdleTimer();
  provideZstd();
  return new Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: { retries: 6, initialRetryTime: 100, maxRetryTime: 1_000, factor: 0, multiplier: 2 },
    logLevel: logLevel.WARN,
    logCreator: () => log,
  });
}

const nestLogger = new Logger('Kafka');
const SAME_LINE_EVERY_MS = 10_000;
const lastLogged = new Map<string, number>();

/**
 * kafkajs calls passing trouble an error and tries again: here it is a warning; what is final rejects and is logged
 * by whoever asked. While a cluster is away it says the same several times a second.
 */
function log({ namespace, log: { message, error } }: LogEntry): void {
  const line = `${namespace}: ${message}${error === undefined ? '' : ` (${String(error)})`}`;
  const now = performance.now();
  if (now - (lastLogged.get(line) ?? -Infinity) < SAME_LINE_EVERY_MS) return;
  // Lines with numbers in them are new ones each time.
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
