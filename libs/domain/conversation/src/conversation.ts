/**
 * One request in the form that all dialects share. Each dialect maps its requests to it and from it; what a dialect
 * cannot carry is a `Fault` that names the caller's field, never a silent loss.
 *
 * Absent settings are null: the provider's default counts then.
 */
export interface Conversation {
  /** In the caller's order. Neighbours may have the same role. */
  readonly turns: readonly Turn[];
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice | null;
  readonly parallelToolCalls: boolean | null;
  readonly format: OutputFormat | null;
  readonly outputTokensMax: number | null;
  readonly stop: readonly string[];
  readonly temperature: number | null;
  readonly topP: number | null;
  readonly topK: number | null;
  readonly frequencyPenalty: number | null;
  readonly presencePenalty: number | null;
  readonly seed: number | null;
  readonly logitBias: Readonly<Record<string, number>> | null;
  /** How many likely tokens are reported beside each; 0 for the token itself; null for no report. */
  readonly topLogprobs: number | null;
  readonly reasoning: Reasoning | null;
  readonly verbosity: 'low' | 'medium' | 'high' | null;
  /** Who the caller's own user is, as an opaque name. */
  readonly user: string | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly promptCacheKey: string | null;
  readonly serviceTier: string | null;
  readonly stream: boolean;
  /** What was left out in reading because the docs list it as harmless: types of items, for the reply header. */
  readonly leftOut?: readonly string[];
}

/**
 * A part of the conversation. `system` is what the operator of an application says, at any place; `tool` has the
 * results of calls that the assistant made before.
 */
export type Turn =
  | { readonly role: 'system'; readonly parts: readonly TextPart[] }
  | { readonly role: 'user'; readonly parts: readonly UserPart[] }
  | { readonly role: 'assistant'; readonly parts: readonly AssistantPart[] }
  | { readonly role: 'tool'; readonly results: readonly ToolResult[] };

/** Text. Marks for caches stay with it, for a target that knows them. */
export interface TextPart {
  readonly kind: 'text';
  readonly text: string;
  readonly cache?: CacheMark;
}

/** Where a prefix ends that the provider is asked to keep: for five minutes, or for an hour. */
export interface CacheMark {
  readonly ttl: '5m' | '1h';
}

/** Content by its address, or in the request itself as base64. */
export type Source =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'data'; readonly mediaType: string; readonly base64: string };

export interface ImagePart {
  readonly kind: 'image';
  readonly source: Source;
  /** `low`, `high`, `original` or `auto`; null if it is not said. */
  readonly detail: string | null;
  readonly cache?: CacheMark;
}

/** A PDF, or a text. */
export interface DocumentPart {
  readonly kind: 'document';
  readonly source: Source | { readonly kind: 'text'; readonly text: string };
  readonly name: string | null;
  /** Whether the answer is to cite it. */
  readonly citations: boolean;
  readonly cache?: CacheMark;
}

export interface AudioPart {
  readonly kind: 'audio';
  readonly format: string;
  readonly base64: string;
}

export type UserPart = TextPart | ImagePart | DocumentPart | AudioPart;

/** What a model said instead of an answer. */
export interface RefusalPart {
  readonly kind: 'refusal';
  readonly text: string;
}

/**
 * What a model thought before its answer. `sealed` is what only the maker of the model can read: Anthropic's signature
 * or redacted data, OpenAI's encrypted content, Gemini's signatures. It is sent back unchanged to the same maker, and
 * to nobody else.
 */
export interface ThinkingPart {
  readonly kind: 'thinking';
  readonly text: string;
  readonly sealed: SealedThought | null;
}

export interface SealedThought {
  /** `compatible` is one provider that speaks OpenAI's chat; the gateway has sealed `data` for that provider. */
  readonly maker: 'anthropic' | 'openai' | 'compatible';
  /**
   * `signature` seals the text beside it; `redacted` and `encrypted` stand for a text that is not shown. The others are
   * of a `compatible` provider, and belong to the call of a tool that follows them in their turn (`call`), to the one
   * before them (`called`), or to the whole message (`message`).
   */
  readonly kind: 'signature' | 'redacted' | 'encrypted' | 'call' | 'called' | 'message';
  readonly data: string;
  /** The id of the item that it belongs to, where the dialect has one. */
  readonly id?: string;
}

/** A call of a tool that the caller runs. */
export interface ToolCallPart {
  readonly kind: 'tool_call';
  readonly id: string;
  readonly name: string;
  /** The arguments of a function: JSON of an object. Of a custom tool: its input, any text. */
  readonly input: string;
  readonly custom: boolean;
  readonly cache?: CacheMark;
}

export type AssistantPart = TextPart | RefusalPart | ThinkingPart | ToolCallPart;

/** The result of one call. */
export interface ToolResult {
  readonly callId: string;
  readonly parts: readonly (TextPart | ImagePart | DocumentPart)[];
  readonly isError: boolean;
  /** Whether the call was of a custom tool. */
  readonly custom: boolean;
  readonly cache?: CacheMark;
}

/**
 * What the model may call. A `function` and a `custom` tool are run by the caller; a `builtin` one by the provider, and
 * is known to one maker only: `definition` is the caller's own, for the dialect that it came in.
 */
export type Tool =
  | {
      readonly kind: 'function';
      readonly name: string;
      readonly description: string | null;
      /** A JSON schema of an object. */
      readonly parameters: Readonly<Record<string, unknown>> | null;
      readonly strict: boolean | null;
      readonly cache?: CacheMark;
    }
  | {
      readonly kind: 'custom';
      readonly name: string;
      readonly description: string | null;
      /** The form of its input, as Responses writes it: `{type, syntax, definition}`; null for any text. */
      readonly format: Readonly<Record<string, unknown>> | null;
    }
  | {
      readonly kind: 'builtin';
      readonly type: string;
      readonly name: string;
      readonly definition: Readonly<Record<string, unknown>>;
    };

export type ToolChoice =
  | { readonly kind: 'auto' }
  | { readonly kind: 'none' }
  /** At least one call of any tool. */
  | { readonly kind: 'required' }
  | { readonly kind: 'tool'; readonly name: string };

/** The form of the answer. */
export type OutputFormat =
  | { readonly kind: 'json_object' }
  | {
      readonly kind: 'json_schema';
      readonly name: string;
      readonly description: string | null;
      readonly schema: Readonly<Record<string, unknown>>;
      readonly strict: boolean | null;
    };

/** How much the model is to think. */
export interface Reasoning {
  /** `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`; null if only the budget or nothing is said. */
  readonly effort: string | null;
  /** A number of tokens within the ceiling of the output; null if it is the model's choice. */
  readonly budgetTokens: number | null;
  /** Whether a text of the thoughts is asked for: `auto`, `concise`, `detailed`, `omitted`; null if it is not said. */
  readonly summary: string | null;
}
