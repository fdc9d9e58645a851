import type { Refusal } from '../request-path/exchange/refusal.js';
import type { Target } from '../request-path/choose-route/route-table.js';
import type { PartsPattern } from '../providers/credential-mask.js';
import type { FieldNames, Injected } from '../providers/injected-fields.js';
import type { Dialect, StreamReader } from './dialect.js';
import type { OtherField } from './request-scan/body-scan.js';

/** What a chat template, or the special tokens of an embedding model, put around the content of a request. */
export const TEMPLATE_TOKENS = 64;
/** No model takes more tokens; below it, sums of tokens are exact. */
export const TOKENS_MAX = 10_000_000;

/** Counts the tokens of a text, never fewer than there are. */
export type TokenCount = (text: string) => number;

/** What bounds the cost of a request, in tokens. */
export interface Limits {
  /** The most tokens that its content can be; `TEMPLATE_TOKENS` come on top. */
  readonly contentTokensMax: number;
  /** The output that it names as the ceiling of one choice; null where it names none. */
  readonly ceiling: number | null;
  /** As `Ask.choices`, checked. */
  readonly choices: number;
}

/** What decides, besides the request itself, which bytes a provider is sent. */
export interface UpstreamCall {
  readonly holdNanoUsd: bigint | null;
  /** The ceiling of output tokens that the gateway puts in; null where the caller's stands. */
  readonly injectedMaxTokens: number | null;
  /** This provider refused our ceiling as larger than the model's own. */
  readonly ceilingLeftOut: boolean;
  /** Names of fields of ours that this provider is tried with, where they are others than usual. */
  readonly fieldNames: FieldNames | null;
  /** Is told what the provider is sent that the caller did not write. */
  injected: Injected;
}

/**
 * One request as its dialect has read it: all that the steps of the path know of its content. A dialect makes one for
 * each body, and the steps ask it; none of them looks at the bytes.
 *
 * @example
 * const ask = await dialect.read(Buffer.from('{"model":"support-bot","messages":[…],"max_tokens":50}'));
 * // ask.model === 'support-bot', ask.stream === false, ask.namedOutputTokens === 50
 */
export interface Ask {
  readonly dialect: Dialect;
  /** The body as it came, without its content coding. */
  readonly body: Buffer;
  /** The model that the caller named. */
  readonly model: string;
  readonly stream: boolean;
  /** Fields that the gateway does not know, or that may lead elsewhere or cost more than it can tell. */
  readonly others: readonly OtherField[];
  /** Input tokens by our own count. */
  readonly inputTokensEstimate: number;
  /** The output tokens that it names as its ceiling, over all choices; 0 where it names none that makes sense. */
  readonly namedOutputTokens: number;
  /** How many answers it asks for; 0 where an answer has no output tokens at all. */
  readonly choices: number;
  /** A report of more input than this is believed only where `mayReadMore`. */
  readonly inputTokensAllowed: number;

  /** What bounds its cost; a refusal where its values are malformed, or its content is none that bytes bound. */
  limits(): Limits | Refusal;
  /** The most tokens of its content as a tokenizer counts them; null where they cannot be counted. */
  countContent(count: TokenCount): number | null;
  /** Whether the provider's model may read more than the body says: an image, a file, a page that it looks up. */
  mayReadMore(model: string): boolean;
  /** The bytes for one target: the caller's own, with the target's model and our fields put in. */
  bodyFor(target: Target, call: UpstreamCall): Buffer;
  /** Reads the stream that answers it. `credential` is what must not be told in it; null for nothing. */
  readStream(credential: PartsPattern | null): StreamReader;
}
