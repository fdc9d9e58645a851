import { fileURLToPath } from 'node:url';
import { startProcess } from '@tollgate/infra';

/** What wrk saw; times in microseconds. */
export interface WrkResult {
  readonly requests: number;
  readonly microseconds: number;
  readonly connect: number;
  readonly read: number;
  readonly write: number;
  readonly timeout: number;
  /** Answers with a status of 400 or more. */
  readonly status: number;
  readonly p50: number;
  readonly p99: number;
}

export interface WrkLoad {
  readonly program: string;
  /** Without a path: `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly path: string;
  readonly bodyFile: string;
  /** One credential a line. */
  readonly credentialsFile: string;
  /** Which credential each request has, by its line from 1, one a line; without it the first one. */
  readonly choicesFile: string | null;
  readonly connections: number;
  readonly seconds: number;
}

const script = fileURLToPath(new URL('../wrk/drive.lua', import.meta.url));
const fields = ['requests', 'microseconds', 'connect', 'read', 'write', 'timeout', 'status', 'p50', 'p99'] as const;

/**
 * Loads a URL with POST requests, each connection sending its next as soon as it is answered. Rejects where wrk fails.
 * wrk never outlives this process: left alone, it would go on to the end of its time.
 */
export async function runWrk(load: WrkLoad): Promise<WrkResult> {
  const wrk = await startProcess({
    name: 'wrk',
    command: load.program,
    args: [
      '--threads',
      '1',
      '--connections',
      String(load.connections),
      '--duration',
      `${load.seconds}s`,
      '--timeout',
      '10s',
      '--script',
      script,
      load.url,
      '--',
      load.path,
      load.bodyFile,
      load.credentialsFile,
      ...(load.choicesFile === null ? [] : [load.choicesFile]),
    ],
  });
  const { code, signal } = await wrk.closed;
  if (code !== 0) {
    throw new Error(`wrk ended with ${signal ?? `code ${code}`}. Its output:\n${wrk.output().slice(-2_000)}`);
  }
  return parseWrkOutput(wrk.output());
}

/** Reads the line that `drive.lua` ends with. Throws an Error with the output where there is none. */
export function parseWrkOutput(output: string): WrkResult {
  const json = /^RESULT (\{.*\})$/m.exec(output)?.[1];
  const parsed = json === undefined ? {} : (JSON.parse(json) as Record<string, unknown>);
  if (!fields.every((field) => typeof parsed[field] === 'number'))
    throw new Error(`wrk gave no result. Its output:\n${output.slice(-2_000)}`);
  return parsed as unknown as WrkResult;
}

/**
 * What was wrong on the way, as words; none where all connections held and every answer was refused or not, as
 * expected.
 */
export function faultsOf(result: WrkResult, refusalsExpected: boolean): string[] {
  const faults = (['connect', 'read', 'write', 'timeout'] as const).flatMap((kind) =>
    result[kind] === 0 ? [] : [`${result[kind]} ${kind} errors`],
  );
  const unexpected = refusalsExpected ? result.requests - result.status : result.status;
  if (unexpected !== 0)
    faults.push(
      `${unexpected} of ${result.requests} answers ${refusalsExpected ? 'were no refusals' : 'had a status of 400 or more'}`,
    );
  if (result.requests === 0) faults.push('no answer at all');
  return faults;
}
