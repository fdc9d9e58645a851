import type { AskedModes, ToolUses } from '@tollgate/pricing';
import type { ToolName } from '@tollgate/usage';
import type { Refusal } from '../request-path/exchange/refusal.js';
import type { Target } from '../request-path/choose-route/route-table.js';
import type { SealedIds } from '@tollgate/sealing';
import type { Media } from '../request-path/usage/media-bound.js';
import type { PartsPattern } from '../providers/credential-mask.js';
import type { FieldNames, Injected } from '../providers/injected-fields.js';
import type { AnswerReader, StreamReader, ToldError } from './answer.js';
import type { Dialect } from './dialect.js';
import type { OmittedField, OtherField } from './request-scan/field-table.js';

/** Tokens that a chat template, or the special tokens of an embedding model, add to the content of a request. */
export const TEMPLATE_TOKENS = 64;
/** No model takes more tokens; below it, sums of tokens are exact. */
export const TOKENS_MAX = 10_000_000;

/** Counts the tokens of a text. Never returns fewer than a provider counts. */
export type TokenCount = (text: string) => number;

/** Bounds of the cost of a request, in tokens. */
export interface Limits {
  /** The most tokens that the content can have, apart from its media. `TEMPLATE_TOKENS` are added to them. */
  readonly contentTokensMax: number;
  /** The parts of the content that are no text. */
  readonly media: readonly Media[];
  /** The ceiling of output tokens that the request names for one choice; null if it names none. */
  readonly ceiling: number | null;
  /** The number of choices, as `Ask.choices`. */
  readonly choices: number;
  /**
   * How often the model may read its whole context: once after an earlier answer that the provider keeps, and once more
   * after each call of a tool that the provider runs. Absent if the content bounds the input.
   */
  readonly contextReads?: number;
  /** The tools that the provider runs, with the most calls of them; absent for none. */
  readonly providerTools?: readonly ToolUses[];
}

/** Decides, together with the request itself, which bytes a provider is sent. */
export interface UpstreamCall {
  readonly holdNanoUsd: bigint | null;
  /** The ceiling of output tokens that the gateway sets; null if the caller's value stays. */
  readonly injectedMaxTokens: number | null;
  /** True if this provider refused our ceiling because it is larger than the model's own. */
  readonly ceilingLeftOut: boolean;
  /** Other names of injected fields that this provider is to be tried with; null for the usual names. */
  readonly fieldNames: FieldNames | null;
  /** Filled in by `bodyFor`: the fields that the provider is sent and the caller did not write. */
  injected: Injected;
}

/** The ceiling that the gateway sets for one target: what is held is for the longest answer of any. Null for none. */
export function injectedCeiling(
  { injectedMaxTokens }: Pick<UpstreamCall, 'injectedMaxTokens'>,
  { price }: Pick<Target, 'price'>,
): number | null {
  return injectedMaxTokens === null ? null : Math.min(injectedMaxTokens, price.maxOutputTokens);
}

/** Whom the ids of a provider's account are sealed for. */
export interface IdOwner {
  readonly organizationId: string;
  readonly sealedIds: SealedIds;
  /** Whether the route has other targets, which cannot read what this one has encrypted. */
  readonly hasOthers: boolean;
}

/** A request for one target, with the ids that belong to it. */
export interface BoundSpeech {
  readonly speech: Speech;
  /** Whether the request contains something that this target has encrypted, so that it is asked before others. */
  readonly isMaker: boolean;
}

/** The ids of a provider's account in a request. */
export interface IdsOfAccount {
  /** Whether the request goes on from something that only the target which made it can read. */
  readonly goesOn: boolean;
  /** The refusal if no target made that. */
  readonly notFound: Refusal;
  /** The request for a target of its own dialect. Null if the target did not make what the request goes on from. */
  boundTo(target: Target, owner: IdOwner): BoundSpeech | null;
}

/**
 * A request in the dialect that a provider speaks: its bytes, and how the answer is read. In the caller's own dialect
 * it is the `Ask` itself; across dialects it is a translation of it.
 */
export interface Speech extends AnswerReader {
  /** The bytes for one target, with its model and injected fields put in. */
  bodyFor(target: Target, call: UpstreamCall): Buffer;
  /**
   * Makes a reader for the stream of the answer. `credential` matches text that must not be passed on; null for none.
   */
  readStream(credential: PartsPattern | null): StreamReader;
  /** Parts of the request that the provider of this target is not sent, by name. */
  leftOut(target: Target): readonly string[];
  /** A provider's error about the request as the client is told it; null if the provider's own bytes are. */
  errorFor(status: number, body: Buffer): ToldError | null;
}

/**
 * One request as its dialect has read it: all that the steps of the path know of its content. A dialect makes one for
 * each body. The steps read it and never look at the bytes.
 *
 * @example
 * const ask = await dialect.read(Buffer.from('{"model":"support-bot","messages":[…],"max_tokens":50}'));
 * // ask.model === 'support-bot', ask.stream === false, ask.namedOutputTokens === 50
 */
export interface Ask extends Speech {
  readonly dialect: Dialect;
  /** The body as received, after its content coding was decoded. */
  readonly body: Buffer;
  /** The model that the caller named. */
  readonly model: string;
  readonly stream: boolean;
  /** Fields that the gateway does not know, that may name another destination, or whose cost has no known bound. */
  readonly others: readonly OtherField[];
  /** Fields that no provider is sent, unless its entry in the configuration allows them. */
  readonly omitted: readonly OmittedField[];
  /** Input tokens by our own count. */
  readonly inputTokensEstimate: number;
  /** The ceiling of output tokens that the request names, over all choices; 0 if it names no valid one. */
  readonly namedOutputTokens: number;
  /** The number of answers that the request asks for; 0 if its answers have no output tokens, as embeddings. */
  readonly choices: number;
  /** True if no provider charges for it, so that it needs no credit and takes no tokens; absent for other requests. */
  readonly isFree?: boolean;
  /** The tier, speed and place that the request asks for; absent if it names none of them. */
  readonly modes?: AskedModes | undefined;
  /** A tool that the provider calls for each answer, and need not report; absent for none. */
  readonly impliedTool?: ToolName | undefined;
  /** If a provider reports more input tokens than this, the report is believed only if `mayReadMore` is true. */
  readonly inputTokensAllowed: number;

  /**
   * The bounds of the request's cost, for a key whose credit is limited; a refusal if its content has none. Malformed
   * values, such as a ceiling below 1, are refused by `Dialect.read`, for every key. `isTranslated` says that no target
   * is sent the caller's own bytes, so that none runs the tools of a provider that the request declares.
   */
  limits(isTranslated?: boolean): Limits | Refusal;
  /** An upper bound of the content's tokens by a tokenizer; null if they cannot be counted. */
  countContent(count: TokenCount): number | null;
  /** Whether the model may read more than the body contains: an image, a file or a page that it looks up. */
  mayReadMore(model: string): boolean;
  /** How often the model may read its whole context if `mayReadMore` is true; absent for once. */
  readonly contextReads?: number;
  /** Set in dialects whose requests and answers carry ids of the provider's account. */
  readonly ids?: IdsOfAccount;
}
