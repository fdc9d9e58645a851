import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { generateSecret, DEFAULT_KEY_MARKER } from '@tollgate/api-key';
import { Pool } from 'undici';
import { BenchFailed } from './bench-failed.js';
import { requestBody } from './bodies.js';
import type { Deployment } from './deployment.js';
import { atFixedRate, type Target } from './fixed-rate.js';
import { pacedStreams } from './paced-streams.js';
import { isPaced, isRefused, PATHS, type Scenario } from './scenarios.js';
import { percentile } from './statistics.js';
import type { Stack } from './stack.js';
import { timedCall, type TimedCall, type TimedRequest } from './timed-call.js';
import type { LoadResult } from './window.js';
import { faultsOf, runWrk } from './wrk.js';
import { seededRandom, zipfDraws } from './zipf.js';

/** Who gets the load: this build's gateway, the former build's, or the plain proxy. */
export type Subject = 'gateway' | 'former' | 'floor';

export const CONNECTIONS = 32;
const ZIPF_EXPONENT = 1;
const ZIPF_DRAWS = 100_000;
/** The draws are the same in every run. */
const ZIPF_SEED = 20_261_120;

/** What is needed to send a scenario's requests. */
export interface PreparedLoad {
  readonly scenario: Scenario;
  readonly body: Buffer;
  readonly credentials: readonly string[];
  /** From 1; null where there is one credential. */
  readonly choices: readonly number[] | null;
  readonly files: { readonly body: string; readonly credentials: string; readonly choices: string | null };
}

/** Writes what wrk reads into the run's folder. */
export function prepareLoad(scenario: Scenario, stack: Stack): PreparedLoad {
  const path = (what: string): string => join(stack.folder, `${scenario.name}.${what}`);
  const body = requestBody(scenario);
  const credentials = credentialsOf(scenario, stack);
  const choices =
    credentials.length === 1 ? null : zipfDraws(credentials.length, ZIPF_EXPONENT, ZIPF_DRAWS, seededRandom(ZIPF_SEED));
  const files = {
    body: path('body'),
    credentials: path('credentials'),
    choices: choices === null ? null : path('choices'),
  };
  writeFileSync(files.body, body);
  writeFileSync(files.credentials, credentials.join('\n'), { mode: 0o600 });
  if (choices !== null) writeFileSync(files.choices!, choices.join('\n'));
  return { scenario, body, credentials, choices, files };
}

function credentialsOf({ credential }: Scenario, { keys, secretUnderBudgets }: Stack): string[] {
  switch (credential) {
    case 'one key':
      return [keys[0]!.secret.reveal()];
    case 'many keys':
      return keys.map(({ secret }) => secret.reveal());
    case 'key under budgets':
      return secretUnderBudgets === null ? [] : [secretUnderBudgets];
    case 'unknown':
      return [generateSecret(DEFAULT_KEY_MARKER).reveal()];
    case 'malformed':
      return [withWrongChecksum(generateSecret(DEFAULT_KEY_MARKER).reveal())];
  }
}

function withWrongChecksum(secret: string): string {
  return secret.slice(0, -1) + (secret.endsWith('0') ? '1' : '0');
}

/** Throws an Error for the former build where there is none. */
function urlOf(subject: Subject, stack: Stack): string {
  switch (subject) {
    case 'gateway':
      return stack.current.gatewayUrl;
    case 'former':
      return formerOf(stack).gatewayUrl;
    case 'floor':
      return stack.floor.url!;
  }
}

/** The former build's services. Throws an Error where there are none. */
export function formerOf({ former }: Stack): Deployment {
  if (former === null) throw new Error('there is no former build in this run');
  return former;
}

function pathOf(subject: Subject, { upstreamReply, speaks }: Scenario): string {
  return subject === 'floor' ? `/${upstreamReply}${PATHS[speaks]}` : PATHS[speaks];
}

/** What the gateway of a build must answer to a scenario's requests. */
function statusOf(subject: Subject, scenario: Scenario): number {
  return subject !== 'floor' && isRefused(scenario) ? 401 : 200;
}

const words: Record<Subject, string> = {
  gateway: 'the gateway',
  former: "the former build's gateway",
  floor: 'the floor',
};

/** Keeps all connections busy for so long. Rejects with BenchFailed for any answer that is not as expected. */
export function closedLoop(
  load: PreparedLoad,
  subject: Subject,
  stack: Stack,
  wrk: string,
  seconds: number,
): Promise<LoadResult> {
  return isPaced(load.scenario) ? streams(load, subject, stack, seconds) : wrkLoad(load, subject, stack, wrk, seconds);
}

async function wrkLoad(
  { scenario, files }: PreparedLoad,
  subject: Subject,
  stack: Stack,
  wrk: string,
  seconds: number,
): Promise<LoadResult> {
  const result = await runWrk({
    program: wrk,
    url: urlOf(subject, stack),
    path: pathOf(subject, scenario),
    connections: CONNECTIONS,
    seconds,
    bodyFile: files.body,
    credentialsFile: files.credentials,
    choicesFile: files.choices,
  });
  failOn(faultsOf(result, statusOf(subject, scenario) !== 200), scenario, subject);
  return {
    requests: result.requests,
    seconds: result.microseconds / 1e6,
    p50Ms: result.p50 / 1e3,
    p99Ms: result.p99 / 1e3,
    gapP99Ms: null,
    firstByteP50Ms: null,
  };
}

async function streams(load: PreparedLoad, subject: Subject, stack: Stack, seconds: number): Promise<LoadResult> {
  const startedAt = performance.now();
  const calls = await pacedStreams(urlOf(subject, stack), timedRequest(load, subject, 0), CONNECTIONS, seconds);
  failOn(unexpected(calls, 200), load.scenario, subject);
  const totals = calls.map(({ totalMs }) => totalMs);
  return {
    requests: calls.length,
    seconds: (performance.now() - startedAt) / 1_000,
    p50Ms: percentile(totals, 0.5),
    p99Ms: percentile(totals, 0.99),
    gapP99Ms: percentile(
      calls.flatMap(({ gapsMs }) => gapsMs),
      0.99,
    ),
    firstByteP50Ms: percentile(
      calls.map(({ firstByteMs }) => firstByteMs),
      0.5,
    ),
  };
}

/** Times at a low, fixed rate, in milliseconds. */
export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly firstByteP50Ms: number;
  readonly firstByteP99Ms: number;
}

/**
 * Sends a scenario's requests at a fixed rate to all subjects in turn, and returns their calls in that order. Rejects
 * with BenchFailed as above.
 */
export async function latencies(
  load: PreparedLoad,
  subjects: readonly Subject[],
  stack: Stack,
  seconds: number,
): Promise<TimedCall[][]> {
  const targets = subjects.map((subject): Target => {
    return { url: urlOf(subject, stack), request: (n) => timedRequest(load, subject, n) };
  });
  const calls = await atFixedRate(targets, seconds);
  for (const [n, subject] of subjects.entries()) {
    failOn(unexpected(calls[n]!, statusOf(subject, load.scenario)), load.scenario, subject);
  }
  return calls;
}

export function latencyOf(calls: readonly TimedCall[]): Latency {
  const totals = calls.map(({ totalMs }) => totalMs);
  const firsts = calls.map(({ firstByteMs }) => firstByteMs);
  return {
    p50Ms: percentile(totals, 0.5),
    p99Ms: percentile(totals, 0.99),
    firstByteP50Ms: percentile(firsts, 0.5),
    firstByteP99Ms: percentile(firsts, 0.99),
  };
}

/** Sends one request with each credential, so that the gateway has met them all. */
export async function meetAll(load: PreparedLoad, subject: Subject, stack: Stack): Promise<void> {
  const calls = await inParallel(load.credentials, load, subject, stack);
  failOn(unexpected(calls, 200), load.scenario, subject);
}

/** Such answers may become others when the gateway has opened what it needs. */
const PASSING_STATUS_MIN = 500;
const PASSING_WITHIN_MS = 15_000;

/** What a build answers to a scenario instead of what it should, as words; null where it serves it. */
export async function complaintOf(load: PreparedLoad, subject: Subject, stack: Stack): Promise<string | null> {
  const wanted = statusOf(subject, load.scenario);
  const endsAt = performance.now() + PASSING_WITHIN_MS;
  for (;;) {
    try {
      const [{ status }] = (await inParallel(load.credentials.slice(0, 1), load, subject, stack)) as [TimedCall];
      if (status === wanted) return null;
      if (status < PASSING_STATUS_MIN || performance.now() > endsAt) return `it answers ${status} instead of ${wanted}`;
    } catch (error) {
      return `it does not answer (${(error as Error).message})`;
    }
    await delay(500);
  }
}

async function inParallel(
  credentials: readonly string[],
  load: PreparedLoad,
  subject: Subject,
  stack: Stack,
): Promise<TimedCall[]> {
  const pool = new Pool(urlOf(subject, stack), { connections: CONNECTIONS, pipelining: 1 });
  const request = { path: pathOf(subject, load.scenario), body: load.body };
  try {
    return await Promise.all(credentials.map((credential) => timedCall(pool, { ...request, credential })));
  } finally {
    await pool.close();
  }
}

function timedRequest(
  { scenario, body, credentials, choices }: PreparedLoad,
  subject: Subject,
  n: number,
): TimedRequest {
  const credential = credentials[choices === null ? 0 : choices[n % choices.length]! - 1]!;
  return { path: pathOf(subject, scenario), credential, body };
}

function unexpected(calls: readonly TimedCall[], status: number): string[] {
  const wrong = calls.filter((call) => call.status !== status).length;
  // All answers of a kind have the same bytes: one that is shorter was cut off.
  const sizes = new Set(calls.map(({ bytes }) => bytes));
  return [
    ...(wrong > 0 ? [`${wrong} of ${calls.length} answers had another status than ${status}`] : []),
    ...(status === 200 && sizes.size > 1 ? [`answers had ${[...sizes].join(', ')} bytes`] : []),
  ];
}

function failOn(faults: readonly string[], scenario: Scenario, subject: Subject): void {
  if (faults.length > 0) throw new BenchFailed(`${scenario.name} through ${words[subject]}: ${faults.join('; ')}`);
}
