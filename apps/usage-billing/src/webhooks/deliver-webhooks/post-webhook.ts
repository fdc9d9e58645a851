import { publicConnector } from '@tollgate/http';
import { Agent, buildConnector } from 'undici';

/** For one attempt, from connecting to the end of the answer. */
const ATTEMPT_MS_MAX = 10_000;
const CONNECT_MS_MAX = 3_000;
/** Of the answer only the status counts; more than this is not read. */
const ANSWER_BYTES_MAX = 64 * 1024;
const HEADERS_BYTES_MAX = 16 * 1024;
/** Connections to one origin at once. */
const CONNECTIONS_MAX = 8;
const ALLOWED_BY = 'webhooks.allow_private_network in config.yaml';

/** What came of an attempt. Nothing of the answer's body is kept: it may be that of a server inside. */
export interface Attempt {
  /** Null where there was no answer. */
  readonly status: number | null;
  readonly durationMs: number;
  /** Null for a status from 200 to 299. */
  readonly error: AttemptError | null;
}

/** Why an attempt failed. */
export const ATTEMPT_ERRORS = [
  'http_status',
  'redirect',
  'timeout',
  'private_address',
  'answer_too_large',
  'connection_failed',
  /** No key is given here that opens its secret. */
  'secret_unreadable',
] as const;
export type AttemptError = (typeof ATTEMPT_ERRORS)[number];

/** Sends messages to addresses that strangers have chosen. No redirect is followed. */
export class WebhookHttp {
  readonly #agent: Agent;

  constructor(private readonly options: { readonly allowPrivateNetwork: boolean; readonly timeoutMs?: number }) {
    this.#agent = new Agent({
      connections: CONNECTIONS_MAX,
      maxResponseSize: ANSWER_BYTES_MAX,
      maxHeaderSize: HEADERS_BYTES_MAX,
      connect: options.allowPrivateNetwork
        ? buildConnector({ timeout: CONNECT_MS_MAX })
        : publicConnector({ timeoutMs: CONNECT_MS_MAX, allowedBy: ALLOWED_BY }),
    });
  }

  /** Never rejects: that there is no answer is a result. */
  async post(address: string, headers: Readonly<Record<string, string>>, body: string): Promise<Attempt> {
    const begun = performance.now();
    const took = (): number => Math.round(performance.now() - begun);
    const url = new URL(address);
    // What was allowed when the address was stored may have been forbidden since.
    if (url.protocol !== 'https:' && !this.options.allowPrivateNetwork)
      return { status: null, durationMs: 0, error: 'private_address' };
    let status: number | null = null;
    try {
      const answer = await this.#agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'POST',
        headers: {
          ...headers,
          'content-type': 'application/json',
          'user-agent': 'Tollgate-Webhooks',
          'accept-encoding': 'identity',
        },
        body,
        signal: AbortSignal.timeout(this.options.timeoutMs ?? ATTEMPT_MS_MAX),
      });
      status = answer.statusCode;
      await answer.body.dump({ limit: ANSWER_BYTES_MAX });
      return { status, durationMs: took(), error: errorOfStatus(status) };
    } catch (error) {
      // The message was taken, whatever its answer goes on to say.
      if (status !== null && errorOfStatus(status) === null) return { status, durationMs: took(), error: null };
      return { status, durationMs: took(), error: status === null ? errorOf(error) : errorOfStatus(status) };
    }
  }

  /** Ends the kept connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function errorOfStatus(status: number): AttemptError | null {
  if (status >= 200 && status < 300) return null;
  return status >= 300 && status < 400 ? 'redirect' : 'http_status';
}

const TIMEOUTS = ['TimeoutError', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'];
const TOO_LARGE = ['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'UND_ERR_HEADERS_OVERFLOW'];

function errorOf(error: unknown): AttemptError {
  const { code = '', name = '' } = error as { code?: unknown; name?: unknown };
  if (code === 'ERR_PRIVATE_ADDRESS') return 'private_address';
  if (TIMEOUTS.includes(String(code)) || TIMEOUTS.includes(String(name))) return 'timeout';
  return TOO_LARGE.includes(String(code)) ? 'answer_too_large' : 'connection_failed';
}
