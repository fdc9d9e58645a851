import { Readable } from 'node:stream';
import { OpenAI } from 'openai';
import { Agent, request, type Dispatcher } from 'undici';
import { Reply, StreamInFlight } from './chat-reply.js';

/** A key as the admin API shows it. */
export interface ApiKey {
  readonly object: 'api_key';
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly masked_key: string;
  readonly scopes: readonly string[];
  readonly state: string;
  readonly expires_at: string | null;
  readonly credit_limit_usd: string | null;
  readonly credit_used_usd: string;
  readonly credit_reset: string | null;
  readonly rate_limits: {
    readonly requests_per_minute: number | null;
    readonly tokens_per_minute: number | null;
    readonly parallel_requests: number | null;
  };
  readonly models: readonly string[] | null;
  readonly allowed_ips: readonly string[] | null;
  readonly groups: readonly string[];
  readonly created_at: string;
  readonly last_used_at: string | null;
  /** The present one last. */
  readonly secrets: readonly KeySecret[];
}

/** A secret as the admin API shows it; lists leave out what it was used for. */
interface KeySecret {
  readonly id: string;
  readonly masked_key: string;
  readonly ends_at: string | null;
  readonly end_reason: string | null;
  readonly last_used_at?: string | null;
  readonly requests?: number;
  readonly addresses?: readonly { readonly address: string }[];
}

export type CreatedKey = ApiKey & { readonly secret: string };

export interface KeyList {
  readonly object: 'list';
  readonly data: readonly ApiKey[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
}

/** Of the totals that the API shows, those that journeys compute on their own. */
export interface UsageTotals {
  readonly requests: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost_usd: string;
}

export type RequestHeaders = Record<string, string | string[]>;

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers?: RequestHeaders;
  /** Text and bytes go as they are, a stream of bytes in chunks without its length told, anything else as JSON. */
  readonly body?: unknown;
}

/** What a chat call says besides its model and message; `simulator` tells the provider how to behave. */
export interface ChatFields {
  readonly model?: string;
  readonly stream?: boolean;
  readonly max_tokens?: number;
  readonly simulator?: Record<string, unknown>;
  readonly [field: string]: unknown;
}

export const chatPath = '/v1/chat/completions';

/** A caller and administrator of one gateway, over HTTP alone. Keeps every secret it sees among the canaries. */
export class TollgateClient {
  constructor(
    readonly url: string,
    private readonly adminSecret: string,
    private readonly seenSecrets: Set<string>,
    /** Whose keys it asks about; absent for the default organisation. */
    readonly organizationId?: string,
    private readonly agent = new Agent({ headersTimeout: 120_000, bodyTimeout: 120_000, keepAliveTimeout: 10_000 }),
  ) {}

  /**
   * Makes an organisation. The client that it resolves with asks on its behalf, so that nobody else's keys are counted
   * among its own; it ends with the one that made it.
   */
  async newOrganization(name: string): Promise<TollgateClient> {
    const reply = await this.admin('POST', '/v1/organizations', { name });
    if (reply.status >= 300) throw new Error(`making an organisation was answered ${reply.status}: ${reply.text}`);
    const { id } = reply.json<{ id: string }>();
    return new TollgateClient(this.url, this.adminSecret, this.seenSecrets, id, this.agent);
  }

  /** Makes one request and reads the reply to its end. */
  async call(call: Call): Promise<Reply> {
    const { statusCode, headers, body } = await this.#send(call);
    return new Reply(statusCode, headers, await body.text());
  }

  /** As `call`, with the admin secret. */
  admin(method: string, path: string, body?: unknown, headers: RequestHeaders = {}): Promise<Reply> {
    const own = {
      authorization: `Bearer ${this.adminSecret}`,
      ...(this.organizationId !== undefined && { 'x-organization-id': this.organizationId }),
    };
    return this.call({ method, path, body, headers: { ...own, ...headers } });
  }

  /** Makes a key; throws unless it is 201. */
  async createKey(fields: Record<string, unknown> = {}): Promise<CreatedKey> {
    const reply = await this.admin('POST', '/v1/api-keys', { name: 'a key', ...fields });
    if (reply.status !== 201) throw new Error(`creating a key was answered ${reply.status}: ${reply.text}`);
    const key = reply.json<CreatedKey>();
    this.seenSecrets.add(key.secret);
    return key;
  }

  /** Gives a key a new secret; throws unless it is 200. */
  async rotateKey(id: string, terms: Record<string, unknown> = {}): Promise<CreatedKey> {
    const reply = await this.admin('POST', `/v1/api-keys/${id}/rotate`, terms);
    if (reply.status !== 200) throw new Error(`rotating a key was answered ${reply.status}: ${reply.text}`);
    const key = reply.json<CreatedKey>();
    this.seenSecrets.add(key.secret);
    return key;
  }

  async getKey(id: string): Promise<ApiKey> {
    return (await this.#expect200('GET', `/v1/api-keys/${id}`)).json();
  }

  async listKeys(query = ''): Promise<KeyList> {
    return (await this.#expect200('GET', `/v1/api-keys${query}`)).json();
  }

  /** Every key, over all pages. */
  async allKeys(): Promise<ApiKey[]> {
    const keys: ApiKey[] = [];
    for (let after = ''; ;) {
      const page = await this.listKeys(`?limit=100${after}`);
      keys.push(...page.data);
      if (page.next_cursor === null) return keys;
      after = `&after=${encodeURIComponent(page.next_cursor)}`;
    }
  }

  /** Deletes a key; throws unless it is 200, which says that no gateway takes it any more. */
  async deleteKey(id: string): Promise<Reply> {
    return this.#expect200('DELETE', `/v1/api-keys/${id}`);
  }

  async usage(apiKeyId: string): Promise<UsageTotals> {
    const reply = await this.#expect200('GET', `/v1/usage?api_key_id=${apiKeyId}`);
    const { requests, input_tokens, output_tokens, cost_usd } = reply.json<{ totals: UsageTotals }>().totals;
    return { requests, input_tokens, output_tokens, cost_usd };
  }

  /** A chat call, read to its end. */
  chat(secret: string, fields: ChatFields = {}, headers: RequestHeaders = {}): Promise<Reply> {
    return this.call(chatCall(secret, fields, headers));
  }

  /** A streamed chat call; resolves with the head of the reply. */
  async openChat(secret: string, fields: ChatFields = {}, headers: RequestHeaders = {}): Promise<StreamInFlight> {
    return new StreamInFlight(await this.#send(chatCall(secret, { stream: true, ...fields }, headers)));
  }

  /** The official SDK, without its retries, at `/v1` or `/api/v1`. */
  openai(secret: string, basePath: '/v1' | '/api/v1' = '/v1'): OpenAI {
    return new OpenAI({ apiKey: secret, baseURL: this.url + basePath, maxRetries: 0, timeout: 60_000 });
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  #send({ method, path, headers = {}, body }: Call): Promise<Dispatcher.ResponseData> {
    const payload = isPayload(body) ? body : JSON.stringify(body);
    const withType =
      payload === undefined || 'content-type' in headers ? headers : { 'content-type': 'application/json', ...headers };
    return request(this.url + path, {
      method: method as Dispatcher.HttpMethod,
      headers: withType,
      body: payload,
      dispatcher: this.agent,
    });
  }

  async #expect200(method: string, path: string): Promise<Reply> {
    const reply = await this.admin(method, path);
    if (reply.status !== 200) throw new Error(`${method} ${path} was answered ${reply.status}: ${reply.text}`);
    return reply;
  }
}

function chatCall(secret: string, fields: ChatFields, headers: RequestHeaders): Call {
  return {
    method: 'POST',
    path: chatPath,
    headers: { authorization: `Bearer ${secret}`, ...headers },
    body: chatBody(fields),
  };
}

/** The body of a chat call as it is sent, so that its bytes can be counted. */
export function chatBody(fields: ChatFields = {}): string {
  return JSON.stringify({ model: 'support-bot', messages: [{ role: 'user', content: 'Hello' }], ...fields });
}

function isPayload(body: unknown): body is Dispatcher.DispatchOptions['body'] | undefined {
  return body === undefined || typeof body === 'string' || body instanceof Uint8Array || body instanceof Readable;
}

/** A body of so many MiB after its beginning, in parts of so many, whose length nobody is told before it ends. */
export function endless(beginning: string, mebibytes: number, partMebibytes = 1): Readable {
  const parts = function* () {
    yield Buffer.from(beginning);
    for (let sent = 0; sent < mebibytes; sent += partMebibytes) yield Buffer.alloc(partMebibytes * 1024 * 1024, 'x');
  };
  return Readable.from(parts());
}
