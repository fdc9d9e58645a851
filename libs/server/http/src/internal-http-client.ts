import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import { z } from 'zod';
import type { AcceptedSecrets } from './accepted-secrets.js';
import { isRefusedConnection } from './refused-connection.js';

/** Where another service of ours answers, and how we show who we are. */
export interface InternalHttpClientOptions {
  /** Origin of the other service's internal listener, `http://host:port`. */
  readonly url: string;
  /** The present secret and, while it is being replaced, the previous one: the other service may know only that. */
  readonly serviceSecrets: AcceptedSecrets;
  /** For a whole call, from connecting to the last byte of the reply. */
  readonly timeoutMs: number;
  /** Further headers of each call. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A call to another service that gave no answer to go by. Whether it took effect there is unknown. */
export class InternalCallError extends Error {
  override readonly name = 'InternalCallError';
  constructor(
    readonly path: string,
    readonly failure: 'timeout' | 'unreachable' | 'refused' | 'malformed_reply',
    /** Of a `refused` call: its HTTP status, and the code of its problem where it has one. */
    readonly refusal: { readonly status: number; readonly code: string | null } | null = null,
    options?: ErrorOptions,
  ) {
    super(
      `internal call ${path}: ${failure}${refusal === null ? '' : ` with ${refusal.status} ${refusal.code ?? ''}`.trimEnd()}`,
      options,
    );
  }
}

/** Replies are sums and snapshots; more than this is a mistake. */
const REPLY_BYTES_MAX = 32 * 1024 * 1024;
const CONNECTIONS_MAX = 32;
/**
 * Below the time for which our servers keep a connection (620 s), so that ours closes first. A server that keeps them
 * for less says so in its replies (`Keep-Alive: timeout`), and undici goes by that, but never beyond this.
 */
const KEEP_ALIVE_MS = 30_000;
/**
 * Pauses before a call is made again that was refused a connection. Nothing of it was sent, and another process of the
 * service may take it: this one has just stopped, or the next one is about to listen.
 */
const REFUSED_PAUSES_MS = [50, 200];

const problem = z.object({ code: z.string() });
/** How a service refuses a secret that it does not know: from the first one on, and after too many. */
const SECRET_REFUSALS: readonly (string | null)[] = ['invalid_service_secret', 'rate_limit_exceeded'];

/**
 * Calls another service's internal API: JSON both ways, the service secret as bearer, kept connections, no
 * redirects and no retries (whoever calls knows whether the call may be repeated), but two, before which the call could
 * have no effect. One that was refused a connection is made again after a moment. One that was refused for its secret
 * is made once more with the other secret, and the one that was taken is shown first from then on.
 */
export class InternalHttpClient {
  readonly #pool: Pool;
  readonly #pathPrefix: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;
  #serviceSecrets: AcceptedSecrets;

  constructor({ url, serviceSecrets, timeoutMs, headers = {} }: InternalHttpClientOptions) {
    const { origin, pathname } = new URL(url);
    this.#pool = new Pool(origin, {
      connections: CONNECTIONS_MAX,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      connect: { timeout: timeoutMs },
    });
    this.#pathPrefix = pathname.replace(/\/$/, '');
    this.#headers = {
      ...headers,
      'content-type': 'application/json',
      accept: 'application/json',
    };
    this.#timeoutMs = timeoutMs;
    this.#serviceSecrets = serviceSecrets;
  }

  /**
   * `POST path`; resolves with the reply's body as its schema has it.
   * @throws {InternalCallError}
   */
  async call<S extends z.ZodType>(
    path: string,
    body: unknown,
    replySchema: S,
    { timeoutMs = this.#timeoutMs } = {},
  ): Promise<z.output<S>> {
    const text = await this.#post(path, body, timeoutMs);
    const reply = replySchema.safeParse(parsedOrUndefined(text));
    // Zod's error may quote the reply; where it differs is enough.
    if (!reply.success)
      throw new InternalCallError(path, 'malformed_reply', null, {
        cause: new Error(
          `not as its schema has it: ${reply.error.issues.map((issue) => issue.path.join('.')).join(', ')}`,
        ),
      });
    return reply.data;
  }

  /**
   * `POST path` whose reply says nothing but that it is done.
   * @throws {InternalCallError}
   */
  async send(path: string, body: unknown, { timeoutMs = this.#timeoutMs } = {}): Promise<void> {
    await this.#post(path, body, timeoutMs);
  }

  /** Ends the kept connections when the calls in flight are done. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #post(path: string, body: unknown, timeoutMs: number): Promise<string> {
    const bodyText = JSON.stringify(body);
    const signal = AbortSignal.timeout(timeoutMs);
    const [secret, other] = this.#serviceSecrets;
    let reply = await this.#exchange(path, bodyText, signal, secret);
    if (other !== undefined && SECRET_REFUSALS.includes(refusalCode(reply))) {
      reply = await this.#exchange(path, bodyText, signal, other);
      if (!SECRET_REFUSALS.includes(refusalCode(reply))) this.#serviceSecrets = [other, secret];
    }
    if (isSuccess(reply)) return reply.text;
    throw new InternalCallError(path, 'refused', { status: reply.status, code: refusalCode(reply) });
  }

  async #exchange(path: string, body: string, signal: AbortSignal, secret: string): Promise<Reply> {
    for (let tries = 0; ; tries++) {
      try {
        const reply = await this.#pool.request({
          method: 'POST',
          path: this.#pathPrefix + path,
          headers: { ...this.#headers, authorization: `Bearer ${secret}` },
          body,
          signal,
          headersTimeout: 0,
          bodyTimeout: 0,
        });
        return { status: reply.statusCode, text: await readText(reply.body) };
      } catch (cause) {
        const pauseMs = isRefusedConnection(cause) ? REFUSED_PAUSES_MS[tries] : undefined;
        if (pauseMs === undefined || signal.aborted)
          throw new InternalCallError(path, signal.aborted ? 'timeout' : 'unreachable', null, { cause });
        await pause(pauseMs);
      }
    }
  }
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

const isSuccess = ({ status }: Reply): boolean => status >= 200 && status < 300;

/** The code of a refusal's problem; null for a success, and for a refusal without one. */
function refusalCode(reply: Reply): string | null {
  return isSuccess(reply) ? null : (problem.safeParse(parsedOrUndefined(reply.text)).data?.code ?? null);
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > REPLY_BYTES_MAX) throw new Error(`a reply of more than ${REPLY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsedOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
