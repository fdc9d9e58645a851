import type { CeilingField } from '@tollgate/config';
import type { KnownFields } from './provider-type.js';

/** Under which names the gateway puts its own fields into a request. */
export interface FieldNames {
  readonly ceilingField: CeilingField;
  readonly streamOptions: boolean;
}

/** The fields of one request that the caller did not write. */
export interface Injected {
  readonly ceiling: Exclude<CeilingField, 'none'> | null;
  /** The ceiling's number, where that is ours too. */
  readonly ceilingTokens: number | null;
  readonly streamOptions: boolean;
}

/** Of a request that is as the caller wrote it. */
export const NOTHING_INJECTED: Injected = { ceiling: null, ceilingTokens: null, streamOptions: false };

/** What a provider's refusal of a field of ours leads to. */
export type Lesson =
  /** The refusal is not about a field of ours: it is the caller's to see. */
  | { readonly kind: 'not_ours' }
  /** The request is worth another try, with these names. */
  | { readonly kind: 'try_again'; readonly names: FieldNames }
  /** The ceiling of ours is more than the model can write: left out of this request, its own is below it. */
  | { readonly kind: 'leave_out' }
  /** The provider takes no ceiling under either name. */
  | { readonly kind: 'no_ceiling' };

/** Models whose names were learned; callers can make up names that a wildcard route lets through. */
const MODELS_MAX = 1_000;
/** What was learned is tried anew after this: providers change, and so does what stands behind them. */
const KEPT_MS = 15 * 60_000;
const STREAM_OPTIONS = /\b(?:stream_options|include_usage)\b/;
const CEILINGS = { max_completion_tokens: /\bmax_completion_tokens\b/, max_tokens: /\bmax_tokens\b/ } as const;
/** What is said of a number that is too large, as by vLLM for a ceiling that does not fit into the context. */
const TOO_LARGE = /too (?:large|high|big)|at most|maximum|exceed|less than|greater than|longer than/i;
const CONTEXT = /context (?:length|window|size)|maximum context/i;
const OTHER_CEILING = { max_completion_tokens: 'max_tokens', max_tokens: 'max_completion_tokens' } as const;
const NOT_OURS: Lesson = { kind: 'not_ours' };
const LEAVE_OUT: Lesson = { kind: 'leave_out' };
const NO_CEILING: Lesson = { kind: 'no_ceiling' };

/**
 * The fields that the gateway adds for one provider: a ceiling of output tokens for calls that hold credit, and the
 * question for the usage of a stream. What is not the caller's must not become the caller's fault: a provider that
 * refuses one of them by name is asked again without it, or with the ceiling's other name. What was accepted then is
 * kept for the model for a while; never what a caller's own words may have brought about.
 */
export class InjectedFields {
  readonly #configured: FieldNames;
  readonly #learned = new Map<string, { readonly names: FieldNames; readonly until: number }>();

  /** `now`: monotonic milliseconds. */
  constructor(
    { ceilingField, streamOptions }: KnownFields,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#configured = { ceilingField, streamOptions };
  }

  /** Whether calls that hold credit can be given a ceiling at all. */
  get takesCeiling(): boolean {
    return this.#configured.ceilingField !== 'none';
  }

  of(model: string): FieldNames {
    if (this.#learned.size === 0) return this.#configured;
    const learned = this.#learned.get(model);
    if (learned === undefined) return this.#configured;
    if (this.now() < learned.until) return learned.names;
    this.#learned.delete(model);
    return this.#configured;
  }

  /**
   * What the words of a 400 or 422 say of the fields that this request was sent with. `names` are those it was sent
   * under, `triedOther`: it was sent with the other ceiling before.
   */
  lessonOf(names: FieldNames, injected: Injected, words: string, triedOther: boolean): Lesson {
    if (injected.streamOptions && STREAM_OPTIONS.test(words))
      return { kind: 'try_again', names: { ...names, streamOptions: false } };
    const { ceiling, ceilingTokens } = injected;
    if (ceiling === null) return NOT_OURS;
    const namesOurs = CEILINGS[ceiling].test(words);
    const tellsNumber = ceilingTokens !== null && words.includes(String(ceilingTokens));
    if (tellsNumber && (CONTEXT.test(words) || (namesOurs && TOO_LARGE.test(words)))) return LEAVE_OUT;
    if (!namesOurs) return NOT_OURS;
    return triedOther ? NO_CEILING : { kind: 'try_again', names: { ...names, ceilingField: OTHER_CEILING[ceiling] } };
  }

  /** These names were accepted where the configured ones were not. */
  keep(model: string, names: FieldNames): void {
    if (this.#learned.size >= MODELS_MAX) this.#learned.clear();
    this.#learned.set(model, { names, until: this.now() + KEPT_MS });
  }

  /**
   * Whether a caller's own body holds what was refused, so that the refusal may have been about that: from such a call
   * nothing is kept.
   */
  isNamedIn(body: Buffer, model: string, accepted: FieldNames): boolean {
    const refused = this.of(model);
    const words = [
      ...(refused.streamOptions === accepted.streamOptions ? [] : ['stream_options', 'include_usage']),
      ...(refused.ceilingField === accepted.ceilingField ? [] : [refused.ceilingField]),
    ];
    return words.some((word) => body.includes(word));
  }
}
