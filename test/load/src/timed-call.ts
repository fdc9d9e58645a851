import type { Dispatcher, Pool } from 'undici';

/** One call as its client saw it, milliseconds from the moment it was sent. */
export interface TimedCall {
  readonly status: number;
  /** Until the head of the answer; of a stream, until the first bytes of its body. */
  readonly firstByteMs: number;
  readonly totalMs: number;
  /** Between two arrivals of a body's bytes, in order. */
  readonly gapsMs: readonly number[];
  readonly bytes: number;
}

export interface TimedRequest {
  readonly path: string;
  readonly credential: string;
  readonly body: Buffer;
}

/** Sends one request and notes when what arrived. Rejects where the connection fails. */
export function timedCall(pool: Pool, { path, credential, body }: TimedRequest): Promise<TimedCall> {
  return new Promise((resolve, reject) => {
    const sentAt = performance.now();
    let status = 0;
    let headMs = 0;
    let bytes = 0;
    let lastAt = 0;
    let firstBodyMs: number | null = null;
    const gapsMs: number[] = [];
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {
        // undici asks for it.
      },
      onResponseStart(_controller, statusCode) {
        status = statusCode;
        headMs = performance.now() - sentAt;
      },
      onResponseData(_controller, chunk) {
        const now = performance.now();
        bytes += chunk.length;
        firstBodyMs ??= now - sentAt;
        if (lastAt !== 0) gapsMs.push(now - lastAt);
        lastAt = now;
      },
      onResponseEnd() {
        resolve({ status, firstByteMs: firstBodyMs ?? headMs, totalMs: performance.now() - sentAt, gapsMs, bytes });
      },
      onResponseError(_controller, error) {
        reject(error);
      },
    };
    pool.dispatch(
      {
        path,
        method: 'POST',
        headers: ['content-type', 'application/json', 'authorization', `Bearer ${credential}`],
        body,
      },
      handler,
    );
  });
}
