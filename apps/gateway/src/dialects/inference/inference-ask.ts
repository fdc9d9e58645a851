import { TEMPLATE_TOKENS, TOKENS_MAX, type Ask, type Limits, type TokenCount } from '../ask.js';
import type { StreamReader } from '../answer.js';
import type { Dialect } from '../dialect.js';
import { OwnSpeech } from '../own-speech.js';
import type { OmittedField, OtherField } from '../request-scan/field-table.js';
import type { InferenceFields } from './inference-fields.js';

/** Providers add a prompt of their own to a request: some thousand tokens for "hi". */
const INPUT_TOKENS_ALLOWED = 16_384;

/** What the gateway has read of a body of `inference`. */
export interface InferenceHead {
  readonly fields: InferenceFields;
  readonly model: string;
  readonly stream: boolean;
  /** The ceiling of output tokens; null if the body names none. */
  readonly ceiling: number | null;
}

/** The `Ask` of a request for one prompt. It is translated for every provider, since none speaks our own dialect. */
export class InferenceAsk extends OwnSpeech implements Ask {
  readonly model: string;
  readonly stream: boolean;
  readonly choices = 1;

  constructor(
    readonly dialect: Dialect,
    readonly body: Buffer,
    private readonly head: InferenceHead,
    readonly inputTokensEstimate: number,
  ) {
    super();
    this.model = head.model;
    this.stream = head.stream;
  }

  get others(): readonly OtherField[] {
    return this.head.fields.others;
  }

  get omitted(): readonly OmittedField[] {
    return this.head.fields.omitted;
  }

  get namedOutputTokens(): number {
    return Math.min(this.head.ceiling ?? 0, TOKENS_MAX);
  }

  get inputTokensAllowed(): number {
    return Math.max(this.body.length + TEMPLATE_TOKENS, INPUT_TOKENS_ALLOWED);
  }

  limits(): Limits {
    return { contentTokensMax: this.body.length, media: [], ceiling: this.head.ceiling, choices: 1 };
  }

  countContent(count: TokenCount): number {
    const { prompt, system } = JSON.parse(this.body.toString('utf8')) as { prompt?: unknown; system?: unknown };
    return [prompt, system].reduce<number>((sum, text) => sum + (typeof text === 'string' ? count(text) : 0), 0);
  }

  mayReadMore(): boolean {
    return false;
  }

  bodyFor(): Buffer {
    throw new Error('no provider speaks the dialect inference');
  }

  readStream(): StreamReader {
    throw new Error('no provider speaks the dialect inference');
  }
}
