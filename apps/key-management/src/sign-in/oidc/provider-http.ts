import { publicConnector } from '@tollgate/http';
import type { CustomFetch } from 'openid-client';
import { Agent, buildConnector } from 'undici';
import { mayBeAsked } from './issuer-url.js';

/** A provider gave no answer to go by: it could not be reached, took too long, said too much, or failed. */
export class ProviderUnavailable extends Error {
  override readonly name = 'ProviderUnavailable';
}

/** For one call, from connecting to the last byte of the answer. */
const CALL_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 3_000;
/** Discovery documents and key sets have some kilobytes. */
const ANSWER_BYTES_MAX = 256 * 1024;
/** Calls to one provider at once. */
const CONNECTIONS_MAX = 8;
const NO_CONTENT = [204, 205, 304];

/**
 * Calls identity providers, whose URLs people choose: https only, no redirect is followed, an answer is bounded in time
 * and size and never decompressed, and no private address is connected to unless that is allowed.
 */
export class ProviderHttp {
  readonly #agent: Agent;

  constructor(private readonly options: { readonly allowPrivateNetwork: boolean; readonly timeoutMs?: number }) {
    this.#agent = new Agent({
      connections: CONNECTIONS_MAX,
      maxResponseSize: ANSWER_BYTES_MAX,
      connect: options.allowPrivateNetwork
        ? buildConnector({ timeout: CONNECT_TIMEOUT_MS })
        : publicConnector({ timeoutMs: CONNECT_TIMEOUT_MS, allowedBy: 'TOLLGATE_OIDC_PRIVATE_NETWORK' }),
    });
  }

  /** For openid-client. Its errors are `ProviderUnavailable`, and so are answers of 429 and from 500 on. */
  readonly fetch: CustomFetch = async (address, { method, headers, body }) => {
    const url = new URL(address);
    if (!mayBeAsked(url, this.options.allowPrivateNetwork))
      throw new ProviderUnavailable('the identity provider names a URL that is not https');
    try {
      const answer = await this.#agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: method as 'GET' | 'POST',
        headers: { ...headers, 'accept-encoding': 'identity' },
        body: body === undefined || body === null ? null : String(body),
        signal: AbortSignal.timeout(this.options.timeoutMs ?? CALL_TIMEOUT_MS),
      });
      const text = await answer.body.text();
      if (answer.statusCode === 429 || answer.statusCode >= 500)
        throw new ProviderUnavailable(`the identity provider answered ${answer.statusCode}`);
      return new Response(NO_CONTENT.includes(answer.statusCode) ? null : text, {
        status: answer.statusCode,
        headers: Object.entries(answer.headers).flatMap(([name, value]): [string, string][] =>
          value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
        ),
      });
    } catch (cause) {
      if (cause instanceof ProviderUnavailable) throw cause;
      throw new ProviderUnavailable('the identity provider gave no answer', { cause });
    }
  };

  /** Ends the kept connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
