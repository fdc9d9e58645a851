import { valueAt } from '../../json-scan/values.js';
import { NOTHING_INJECTED } from '../../providers/injected-fields.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { refuse, type Refusal } from '../../request-path/exchange/refusal.js';
import { TEMPLATE_TOKENS, type Ask, type Limits, type TokenCount, type UpstreamCall } from '../ask.js';
import type { StreamReader } from '../answer.js';
import type { Dialect } from '../dialect.js';
import { OwnSpeech } from '../own-speech.js';
import { modelSplice, splice, type Splice } from '../openai/splice.js';
import type { OmittedField, OtherField } from '../request-scan/field-table.js';
import type { EmbeddingsFields } from './embeddings-fields.js';

/** A model may add a token before and after each text. */
const TEXT_TOKENS = 2;

/** The `Ask` of an embeddings request. Only its input has tokens: vectors have none. */
export class EmbeddingsAsk extends OwnSpeech implements Ask {
  readonly stream = false;
  readonly namedOutputTokens = 0;
  readonly choices = 0;

  constructor(
    readonly dialect: Dialect,
    readonly body: Buffer,
    readonly fields: EmbeddingsFields,
    readonly model: string,
    readonly inputTokensEstimate: number,
  ) {
    super();
  }

  get others(): readonly OtherField[] {
    return this.fields.others;
  }

  get omitted(): readonly OmittedField[] {
    return this.fields.omitted;
  }

  get inputTokensAllowed(): number {
    return this.#contentTokensMax + TEMPLATE_TOKENS;
  }

  /**
   * An upper bound: a token has at least one byte of text, and tokens that the caller sends as numbers are counted. The
   * quotes of a text stand for the tokens that a model adds to it.
   */
  get #contentTokensMax(): number {
    const { hasText, isBounded } = this.fields;
    return hasText || !isBounded ? this.body.length : this.#countedTokens;
  }

  /** The tokens that the caller sends as numbers, with those that a model may add to each list of them. */
  get #countedTokens(): number {
    return this.fields.tokens + TEXT_TOKENS * this.fields.lists;
  }

  limits(): Limits | Refusal {
    if (!this.fields.isBounded) return NOT_BOUNDED;
    return { contentTokensMax: this.#contentTokensMax, media: [], ceiling: null, choices: 0 };
  }

  countContent(count: TokenCount): number | null {
    const { hasText, input } = this.fields;
    if (!hasText || input === null) return this.#countedTokens;
    const value = valueAt(this.body, input);
    const items: readonly unknown[] = Array.isArray(value) ? value : [value];
    return items.reduce<number>(
      (sum, item) => sum + (typeof item === 'string' ? count(item) + TEXT_TOKENS : 0),
      this.#countedTokens,
    );
  }

  /** An image or a file that is given by its address has more content than the body. */
  mayReadMore(): boolean {
    return !this.fields.isBounded || this.others.length > 0;
  }

  bodyFor({ model }: Target, call: UpstreamCall): Buffer {
    const splices: Splice[] = [];
    modelSplice(this.model, model, this.fields.model, splices);
    call.injected = NOTHING_INJECTED;
    return splice(this.body, splices);
  }

  readStream(): StreamReader {
    throw new Error('embeddings are not streamed');
  }
}

const NOT_BOUNDED = refuse('unbounded_cost', {
  message:
    'The input contains something other than texts and tokens, whose cost is not known before the call, and the API key has a credit limit.',
  param: 'input',
});
