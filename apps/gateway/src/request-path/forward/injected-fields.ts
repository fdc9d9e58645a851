import type { CeilingField, Provider as ProviderConfig } from '@tollgate/config';

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

/** What a provider's refusal of our own field leads to. */
export type Lesson =
  /** The refusal is not about a field of ours: it is the caller's to see. */
  | 'not_ours'
  /** The request is worth another try, with other names. */
  | 'try_again'
  /** The ceiling of ours is more than the model can write: left out, its own is below it. */
  | 'leave_out'
  /** The provider takes no ceiling under either name. */
  | 'no_ceiling';

/** Models whose names were learned; callers can make up names that a wildcard route lets through. */
const MODELS_MAX = 1_000;
const STREAM_OPTIONS = /\b(?:stream_options|include_usage)\b/;
const CEILINGS = { max_completion_tokens: /\bmax_completion_tokens\b/, max_tokens: /\bmax_tokens\b/ } as const;
/** What is said of a number that is too large, as by vLLM for a ceiling that does not fit into the context. */
const TOO_LARGE = /too (?:large|high|big)|at most|maximum|exceed|less than|greater than|longer than/i;
const OTHER_CEILING = { max_completion_tokens: 'max_tokens', max_tokens: 'max_completion_tokens' } as const;

/**
 * The fields that the gateway adds for one provider: a ceiling of output tokens for calls that hold credit, and the
 * question for the usage of a stream. What is not the caller's must not become the caller's fault: a provider that
 * refuses one of them by name is asked again without it, or with the ceiling's other name, and what worked is kept
 * for the model.
 */
export class InjectedFields {
  readonly #configured: FieldNames;
  readonly #learned = new Map<string, FieldNames>();

  constructor({ ceilingField, streamOptions }: Pick<ProviderConfig, 'ceilingField' | 'streamOptions'>) {
    this.#configured = { ceilingField, streamOptions };
  }

  /** Whether calls that hold credit can be given a ceiling at all. */
  get takesCeiling(): boolean {
    return this.#configured.ceilingField !== 'none';
  }

  of(model: string): FieldNames {
    return this.#learned.size === 0 ? this.#configured : (this.#learned.get(model) ?? this.#configured);
  }

  /** Learns from the words of a 400 or 422. `triedOther`: this request was sent with the other ceiling before. */
  learn(model: string, injected: Injected, words: string, triedOther: boolean): Lesson {
    const names = this.of(model);
    if (injected.streamOptions && STREAM_OPTIONS.test(words)) {
      this.#remember(model, { ...names, streamOptions: false });
      return 'try_again';
    }
    if (injected.ceiling === null || !CEILINGS[injected.ceiling].test(words)) return 'not_ours';
    if (injected.ceilingTokens !== null && TOO_LARGE.test(words) && words.includes(String(injected.ceilingTokens))) return 'leave_out';
    if (triedOther) return 'no_ceiling';
    this.#remember(model, { ...names, ceilingField: OTHER_CEILING[injected.ceiling] });
    return 'try_again';
  }

  #remember(model: string, names: FieldNames): void {
    if (this.#learned.size >= MODELS_MAX) this.#learned.clear();
    this.#learned.set(model, names);
  }
}
