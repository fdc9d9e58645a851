import { createHmac, randomBytes } from 'node:crypto';

/** What a later response continues. */
export interface RememberedResponse {
  /** Tokens of the conversation up to its end, which a response that continues it has as input. */
  readonly tokens: number;
  /** The calls in its output, by their ids, which a later request brings the results of. */
  readonly calls: ReadonlySet<string>;
}

const RESPONSES_MAX = 10_000;

/** What a simulator has given out and recognises: responses, and seals of thoughts that only it can read. */
export class Memory {
  private readonly responses = new Map<string, RememberedResponse>();
  private readonly key = randomBytes(32);

  remember(id: string, response: RememberedResponse): void {
    this.responses.set(id, response);
    for (const oldest of this.responses.keys()) {
      if (this.responses.size <= RESPONSES_MAX) break;
      this.responses.delete(oldest);
    }
  }

  recall(id: string): RememberedResponse | undefined {
    return this.responses.get(id);
  }

  forget(): void {
    this.responses.clear();
  }

  /** Seals a thought, as a signature of Anthropic's or an encrypted one of OpenAI's does. */
  seal(thought: string): string {
    return `${Buffer.from(thought).toString('base64')}.${this.macOf(thought)}`;
  }

  /** Whether this simulator made that seal. */
  knows(seal: unknown): boolean {
    if (typeof seal !== 'string') return false;
    const [encoded = '', mac = ''] = seal.split('.');
    return mac === this.macOf(Buffer.from(encoded, 'base64').toString('utf8'));
  }

  private macOf(thought: string): string {
    return createHmac('sha256', this.key).update(thought).digest('base64url');
  }
}
