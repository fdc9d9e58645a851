import type { AskedModes } from '@tollgate/pricing';
import { toolOfType, type ToolName } from '@tollgate/usage';
import type { PartsPattern } from '../../providers/credential-mask.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { refuse, type Refusal } from '../../request-path/exchange/refusal.js';
import type { Span } from '../../json-scan/json-tokens.js';
import { valueAt } from '../../json-scan/values.js';
import { TEMPLATE_TOKENS, TOKENS_MAX, type Ask, type Limits, type TokenCount, type UpstreamCall } from '../ask.js';
import type { StreamReader } from '../answer.js';
import type { Dialect } from '../dialect.js';
import { tierModes } from '../openai/service-tier.js';
import { OwnSpeech } from '../own-speech.js';
import type { OmittedField, OtherField } from '../request-scan/field-table.js';
import type { ChatFields, ChatHead } from './chat-fields.js';
import { mediaOf, textBytes, withoutMedia } from '../../request-path/usage/media-bound.js';
import { tokensOf } from './content-tokens.js';
import { mayReadMore } from './reads-more.js';
import { StreamEvents } from './stream-events.js';
import { upstreamBody } from './upstream-body.js';

const CHOICES_MAX = 128;
/** Providers add a prompt of their own and built-in tools to a request: some thousand tokens for "hi". */
const INPUT_TOKENS_ALLOWED = 16_384;

/** The field by which a request asks a model to search, if the provider's entry allows it. */
const SEARCH = 'web_search_options';

/** The `Ask` of a chat request. */
export class ChatAsk extends OwnSpeech implements Ask {
  readonly fields: ChatFields;
  readonly model: string;
  readonly stream: boolean;
  readonly asksUsage: boolean;
  readonly showUsage: boolean;
  readonly namedOutputTokens: number;
  readonly choices: number;
  // The numbers as the caller wrote them, read once: null if absent, undefined if they are no whole numbers.
  readonly #n: number | null | undefined;
  readonly #maxTokens: number | null | undefined;
  readonly #maxCompletionTokens: number | null | undefined;

  constructor(
    readonly dialect: Dialect,
    readonly body: Buffer,
    { fields, model, stream, asksUsage, showUsage }: ChatHead,
    readonly inputTokensEstimate: number,
  ) {
    super();
    this.fields = fields;
    this.model = model;
    this.stream = stream;
    this.asksUsage = asksUsage;
    this.showUsage = showUsage;
    this.#n = wholeNumber(body, fields.n);
    this.#maxTokens = wholeNumber(body, fields.maxTokens);
    this.#maxCompletionTokens = wholeNumber(body, fields.maxCompletionTokens);
    this.choices = Math.max(this.#n ?? 1, 1);
    const named = Math.max(this.#maxTokens ?? 0, this.#maxCompletionTokens ?? 0, 0);
    this.namedOutputTokens = Math.min(named * this.choices, TOKENS_MAX);
  }

  get others(): readonly OtherField[] {
    return this.fields.others;
  }

  get modes(): AskedModes | undefined {
    return tierModes(this.body, this.fields.serviceTier);
  }

  /** Models of chat that search do so once before each answer, and their reports do not say it. */
  get impliedTool(): ToolName | undefined {
    const { others } = this.fields;
    return others.length > 0 && others.some(({ name }) => name === SEARCH) ? toolOfType(SEARCH) : undefined;
  }

  get omitted(): readonly OmittedField[] {
    return this.fields.omitted;
  }

  get inputTokensAllowed(): number {
    return Math.max(this.body.length + TEMPLATE_TOKENS, INPUT_TOKENS_ALLOWED);
  }

  /** The refusal of a request whose numbers are malformed; null for a good one. */
  fault(): Refusal | null {
    if (!isWithin(this.#maxTokens, TOKENS_MAX)) return outOfBounds('max_tokens', TOKENS_MAX);
    if (!isWithin(this.#maxCompletionTokens, TOKENS_MAX)) return outOfBounds('max_completion_tokens', TOKENS_MAX);
    return isWithin(this.#n, CHOICES_MAX) ? null : outOfBounds('n', CHOICES_MAX);
  }

  limits(): Limits | Refusal {
    const { body, fields } = this;
    if (fields.unbounded !== null) return notBounded(fields.unbounded);
    const named = Math.max(this.#maxTokens ?? 0, this.#maxCompletionTokens ?? 0);
    const { impliedTool } = this;
    return {
      contentTokensMax: textBytes(body, fields.media),
      media: fields.media.map((part) => mediaOf(body, part)),
      ceiling: named > 0 ? named : null,
      choices: this.choices,
      // What was found is read once more, with the conversation.
      ...(impliedTool !== undefined && { contextReads: 2, providerTools: [{ names: [impliedTool], callsMax: 1 }] }),
    };
  }

  countContent(count: TokenCount): number | null {
    return tokensOf(withoutMedia(this.body, this.fields.media), count);
  }

  mayReadMore(model: string): boolean {
    return mayReadMore(this.body, model);
  }

  bodyFor(target: Target, call: UpstreamCall): Buffer {
    return upstreamBody(this, target, call);
  }

  readStream(credential: PartsPattern | null): StreamReader {
    return new StreamEvents(this.showUsage, credential);
  }
}

function notBounded(param: string): Refusal {
  return refuse('unbounded_cost', {
    message: `${param} is neither text nor an image, a recording or a file of a known form, so its cost is not known before the call, and the API key has a credit limit.`,
    param,
  });
}

function isWithin(value: number | null | undefined, max: number): boolean {
  return value === null || (value !== undefined && value >= 1 && value <= max);
}

function outOfBounds(param: string, max: number): Refusal {
  return refuse('invalid_request', { message: `The field ${param} must be a whole number from 1 to ${max}.`, param });
}

/** The whole number in a field. Null if the field is absent or null, undefined if it has another value. */
function wholeNumber(body: Buffer, span: Span | null): number | null | undefined {
  if (span === null) return null;
  const value = valueAt(body, span);
  if (value === null) return null;
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}
