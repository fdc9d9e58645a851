import type { Script } from '../kit/scripted-provider/index.js';

/** What is asked of Tollgate. Without anything: a plain chat call that says "hi". */
interface QuirkRequest {
  readonly stream?: boolean;
  /** Further fields of the body, or others in the place of its own. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** The whole body instead, as a function of the model that leads to the row's script. */
  readonly body?: (model: string) => string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly path?: string;
}

/** At least, at most. */
export type Range = readonly [least: number, most: number];

/**
 * What the ledger must hold of the row's calls. `nothing`: each call is on record, and costs nothing. `no event`: none
 * is on record, for none reached a provider. `either`: it depends on what was decided about the call.
 * `atHold`: the tokens may have cost more than was held, and only that much was charged. `inVain`: the provider
 * reported them without an answer, and nothing was charged.
 */
export type ExpectedUsage =
  | 'nothing'
  | 'no event'
  | 'either'
  | {
      readonly input: number | Range;
      readonly output: number | Range;
      readonly cached?: number;
      readonly atHold?: true;
      readonly inVain?: true;
    };

export interface Expected {
  /** Of every call; several where more than one is right. */
  readonly status: number | readonly number[];
  /** The error's code, in OpenAI's shape. */
  readonly code?: string;
  /** Null: the header is absent. */
  readonly headers?: Readonly<Record<string, string | RegExp | null>>;
  /** Fields of the JSON body. */
  readonly body?: object;
  /** Text that the body holds, and text that it does not. */
  readonly holds?: string;
  readonly lacks?: string;
  /** The content of a stream, or of the completion, put together. */
  readonly content?: string;
  /** The data of all events, as they must come. */
  readonly data?: readonly string[];
  /** How a stream ends: with `[DONE]`, or with an error event of one of these codes. */
  readonly ends?: '[DONE]' | readonly string[];
  /** The SDK's loop ends with an error that says this. */
  readonly sdkThrows?: string;
  readonly usage: ExpectedUsage;
  /** How many requests the provider got. Default: one for each call. */
  readonly asked?: number;
  /** Fields of the last body that the provider got: with these values, and absent where undefined. */
  readonly sent?: Readonly<Record<string, unknown>>;
  readonly sentHeaders?: Readonly<Record<string, string>>;
  /** The provider's connection must be closed by Tollgate, though the script leaves it open. */
  readonly hangsUp?: true;
  /** That the log has a line with the request's id. */
  readonly logged?: true;
}

/**
 * One thing that a provider or a client does, and what must come of it. A row stands for itself: it has a key, a route
 * and a provider entry of its own, so rows may be played in any order and at once.
 */
export interface Quirk {
  /** A sentence that says what must hold. */
  readonly name: string;
  /** Further settings of its provider entries in `config.yaml`; `{base}` in its `base_url` stands for the usual one. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Two: the route has a second target, which stands in for the first. */
  readonly targets?: 1 | 2;
  /** Fields of the key, or a limit that covers the hold of one call and what the row is charged. Default: no limits. */
  readonly key?: Readonly<Record<string, unknown>> | 'covers one call';
  readonly request?: QuirkRequest;
  /** Default `http`; `sdk`: OpenAI's own, which reads the usual way. */
  readonly via?: 'http' | 'sdk';
  /** How often it is asked. Default: once. */
  readonly calls?: { readonly inARow: number } | { readonly atOnce: number };
  /**
   * The client goes away before the end: as soon as the provider has its request (or so many
   * for it), or as soon as it has this text. The gate `await-left` is then open.
   */
  readonly leaves?: 'once asked' | { readonly having: string } | { readonly asked: number };
  /**
   * After it has left, the client asks again until it is refused neither for its rate limits (429) nor for its credit
   * (402): before the provider is hung up on, or at any time.
   */
  readonly asksAgain?: 'before the provider is hung up on' | 'and is served';
  /** What the provider does with the first request, the second, …: the last says it for all further ones. */
  readonly plays: readonly Script[];
  readonly expect: Expected;
}
