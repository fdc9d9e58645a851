import type { Reply } from './chat-reply.js';
import type { RequestHeaders, TollgateClient } from './tollgate-client.js';

/** What a session's reply says that a page needs. */
interface OpenedSession {
  readonly csrf_token: string;
}

/** A reply that opens a session is one, or has one. */
type Opening = OpenedSession | { readonly session: OpenedSession };

/** A person's browser at one gateway: keeps its cookies, and sends what pages of our own origin send. */
export class Browser {
  readonly #cookies = new Map<string, string>();
  #csrfToken: string | null = null;

  constructor(
    private readonly client: TollgateClient,
    /** What it must not be found in anything that is stored or logged. */
    private readonly seenSecrets: Set<string>,
  ) {}

  /** Sends a request as a page of our origin does; `headers` take the place of what it would send. */
  async send(method: string, path: string, body?: unknown, headers: RequestHeaders = {}): Promise<Reply> {
    const reply = await this.client.call({
      method,
      path,
      body,
      headers: {
        origin: this.client.url,
        ...(this.#cookies.size > 0 && { cookie: [...this.#cookies].map((pair) => pair.join('=')).join('; ') }),
        ...(this.#csrfToken !== null && { 'x-csrf-token': this.#csrfToken }),
        ...headers,
      },
    });
    this.#keepCookies(reply);
    return reply;
  }

  /** Sends a request that opens a session, and keeps what its reply says; throws unless it is 200 or 201. */
  async open(path: string, body: object): Promise<Reply> {
    const reply = await this.send('POST', path, body);
    if (reply.status !== 200 && reply.status !== 201)
      throw new Error(`${path} was answered ${reply.status}: ${reply.text}`);
    const opened = reply.json<Opening>();
    this.#csrfToken = ('session' in opened ? opened.session : opened).csrf_token;
    this.seenSecrets.add(this.#csrfToken);
    return reply;
  }

  #keepCookies({ headers }: Reply): void {
    for (const line of [headers['set-cookie'] ?? []].flat()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
      const [name = '', value = ''] = pair.split('=');
      if (attributes.some((each) => /^max-age=0$/i.test(each)) || value === '') this.#cookies.delete(name);
      else {
        this.#cookies.set(name, value);
        this.seenSecrets.add(value);
      }
    }
  }
}
