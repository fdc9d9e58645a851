import type { CeilingField } from '@tollgate/config';
import type { KnownFields } from './provider-type.js';

/** The names under which the gateway adds its own fields to a request. */
export interface FieldNames {
  readonly ceilingField: CeilingField;
  readonly streamOptions: boolean;
}

/** The fields of one request that the gateway added. */
export interface Injected {
  readonly ceiling: keyof typeof CEILINGS | null;
  /** The value of the ceiling if the gateway chose it; null if it is the caller's. */
  readonly ceilingTokens: number | null;
  readonly streamOptions: boolean;
}

/** The value for a request without added fields. */
export const NOTHING_INJECTED: Injected = { ceiling: null, ceilingTokens: null, streamOptions: false };

/** What follows from a provider's refusal of an injected field. */
export type Lesson =
  /** The refusal does not concern an injected field: the caller should see it. */
  | { readonly kind: 'not_ours' }
  /** The request should be tried again with these names. */
  | { readonly kind: 'try_again'; readonly names: FieldNames }
  /**
   * Our ceiling exceeds what the model can write. It is left out of this request, since the model's own limit is lower.
   */
  | { readonly kind: 'leave_out' }
  /** The provider takes no ceiling under either name. */
  | { readonly kind: 'no_ceiling' };

/** The most models whose names are remembered. Callers can make up names that a wildcard route accepts. */
const MODELS_MAX = 1_000;
/** Lessons are forgotten after this time, because providers change, and so do the servers behind them. */
const KEPT_MS = 15 * 60_000;
const STREAM_OPTIONS = /\b(?:stream_options|include_usage)\b/;
/** The names of a ceiling of output tokens. The last one is that of Responses, which has no other name. */
const CEILINGS = {
  max_completion_tokens: /\bmax_completion_tokens\b/,
  max_tokens: /\bmax_tokens\b/,
  max_output_tokens: /\bmax_output_tokens\b/,
} as const;
/** Matches refusals of a number that is too large, for example vLLM's for a ceiling that exceeds the context. */
const TOO_LARGE = /too (?:large|high|big)|at most|maximum|exceed|less than|greater than|longer than/i;
const CONTEXT = /context (?:length|window|size)|maximum context/i;
const OTHER_CEILING = { max_completion_tokens: 'max_tokens', max_tokens: 'max_completion_tokens' } as const;
const NOT_OURS: Lesson = { kind: 'not_ours' };
const LEAVE_OUT: Lesson = { kind: 'leave_out' };
const NO_CEILING: Lesson = { kind: 'no_ceiling' };

/**
 * The fields that the gateway adds for one provider: a ceiling of output tokens for calls that hold credit, and the
 * request for a stream's usage. A caller must not suffer from a field that it did not write. So if a provider refuses
 * one by name, it is asked again without it, or with the ceiling's other name. The names that it accepts then are
 * remembered for the model for a while, unless the caller's own text may have caused the refusal.
 */
export class InjectedFields {
  readonly #configured: FieldNames;
  readonly #learned = new Map<string, { readonly names: FieldNames; readonly until: number }>();

  /** `now` returns monotonic milliseconds. */
  constructor(
    { ceilingField, streamOptions }: KnownFields,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#configured = { ceilingField, streamOptions };
  }

  /** Whether the provider accepts a ceiling, which calls that hold credit need. */
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
   * Reads the error text of a 400 or 422 for the fields that this request was sent with. `names` are the names it was
   * sent with; `triedOther` says that it was also sent with the other ceiling.
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
    if (triedOther || ceiling === 'max_output_tokens') return NO_CEILING;
    return { kind: 'try_again', names: { ...names, ceilingField: OTHER_CEILING[ceiling] } };
  }

  /** Remembers names that were accepted after the configured ones were refused. */
  keep(model: string, names: FieldNames): void {
    if (this.#learned.size >= MODELS_MAX) this.#learned.clear();
    this.#learned.set(model, { names, until: this.now() + KEPT_MS });
  }

  /**
   * Whether the caller's own body contains the refused names, so that the refusal may have concerned those. Nothing is
   * remembered from such a call.
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
