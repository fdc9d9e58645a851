import type { TokenUsage } from '@tollgate/usage';
import type { Answer, AnswerEvent } from './answer.js';
import type { Conversation } from './conversation.js';

/** The dialects between which conversations are carried. */
export type ConversationDialect = 'openai-chat' | 'openai-responses' | 'anthropic-messages' | 'inference';

/** A parsed JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Why a request cannot be carried, for a 400: `param` is the path of the field as the caller wrote it. */
export interface Fault {
  readonly kind: 'fault';
  readonly param: string;
  /** A sentence for people, without values of the request. */
  readonly message: string;
}

/** What the target needs besides the conversation. */
export interface WriteContext {
  /** The model that the provider is asked for. */
  readonly model: string;
  /** The ceiling of output tokens that is sent if the caller names none and the dialect demands one. */
  readonly outputTokensDefault: number;
  /** How the provider spells the ceiling of output tokens, in OpenAI's chat. */
  readonly ceilingField: 'max_completion_tokens' | 'max_tokens' | 'none';
  /** Whether the provider takes `stream_options`. */
  readonly streamOptions: boolean;
  /** Whether the provider takes custom tools in OpenAI's chat; if not, a function stands for each. */
  readonly customTools?: boolean;
  /**
   * Whether the provider takes back what its model thought before, as `reasoning_content` in OpenAI's chat: DeepSeek
   * and others need it between calls of tools; OpenAI itself refuses the field.
   */
  readonly earlierThoughts?: boolean;
  /** Whether the provider takes no other ids of calls in OpenAI's chat than Mistral does. */
  readonly mistralsCallIds?: boolean;
  /**
   * Whether the provider is OpenAI itself, or OpenAI's models at Azure. Other servers refuse hints that only OpenAI
   * knows, efforts that only its models have, and texts of the operator that do not stand first.
   */
  readonly hints?: boolean;
  /** Seals for the provider what only it can read. Absent: clients do not get it. */
  readonly seal?: ProviderSeal;
  /** The same for what only one model of the provider can read. Absent: clients get it as it is. */
  readonly modelSeal?: ProviderSeal;
  /** Finds the caller's field of a feature, for faults. */
  fieldOf(feature: Feature): string;
}

/**
 * Seals what only one provider can read, so that clients can keep it and send it back, and no other provider gets it.
 */
export interface ProviderSeal {
  /** The text as letters, digits, `-` and `_`. */
  seal(text: string): string;
  /** Null for what was not sealed for this provider and this customer, or was changed. */
  open(sealed: string): string | null;
}

/** A request as a provider is sent it. */
export interface WrittenRequest {
  readonly kind: 'written';
  readonly body: JsonObject;
  /** What was left out because the docs list it as harmless, or because a built-in tool has no counterpart: by name. */
  readonly leftOut: readonly string[];
  /** What the reader of the answer must undo: names and ids that were changed on the way. */
  readonly names: NameMap;
}

/**
 * Finds the caller's names of tools behind those that the provider was sent, and has what else an answer is read with.
 */
export interface NameMap {
  /** The caller's name of a tool. */
  original(sent: string): string;
  /** Whether the caller declared the tool as a custom one, so that its input is text and not JSON. */
  isCustom(sent: string): boolean;
  /** Seals what only this provider can read. Absent: the client does not get it. */
  readonly seal?: ProviderSeal;
}

/** What an answer is written with. */
export interface ReplyContext {
  /** The model as the caller named it; it stands in the reply if the provider names none. */
  readonly model: string;
  /** An id for the reply, without prefix, if the provider gives none. */
  readonly requestId: string;
  /** Seconds since 1970. */
  readonly nowSeconds: number;
  /** Whether a stream shows its usage: always in Anthropic's and in Responses, as asked for in OpenAI's chat. */
  readonly showUsage: boolean;
  /** The request's fields that its dialect repeats in replies, as Responses does. */
  readonly request: JsonObject;
  /**
   * The tokens of the input as the gateway has counted them. Anthropic's streams begin with the input, and clients rely
   * on it; other providers report it at the end.
   */
  readonly inputTokensCounted?: number;
}

/** An event of a stream as it is sent: its name, null if the dialect names none, and its data. */
export interface SentEvent {
  readonly event: string | null;
  readonly data: JsonObject | '[DONE]';
}

/** Reads the events of a provider's stream, one by one. */
export interface StreamDecoder {
  /** `event` is the name of the event, null if it has none; `data` is its parsed data. Unknown events give nothing. */
  take(event: string | null, data: JsonObject): readonly AnswerEvent[];
  /**
   * The provider has ended its stream. Closes what is open if the answer has given the reason of its end; if it has
   * not, gives an `error`. Nothing if the stream has ended already. `done` tells that the provider's last event, as
   * `[DONE]`, has come, and the connection has not just closed: some servers of OpenAI's chat give no other reason.
   */
  end(done?: boolean): readonly AnswerEvent[];
}

/** Writes the events of a stream for a client. What comes after an `end` or an `error` gives nothing. */
export interface StreamEncoder {
  take(event: AnswerEvent): readonly SentEvent[];
}

/** A field of a request, and why it is left out or refused, for the page on dialects in the docs. */
export interface FieldNote {
  /** The path of the field, as `messages[].name`. */
  readonly field: string;
  /** A sentence that begins with a capital letter. */
  readonly why: string;
  /**
   * True if the gateway refuses the field whatever the dialect of the model is, unless the provider's entry allows it.
   */
  readonly isRefusedAlways?: true;
}

/**
 * How a dialect in which callers speak is mapped: their requests are read, and answers are written for them. All
 * functions are pure, and none throws.
 */
export interface CallerCodec {
  readonly name: ConversationDialect;
  /** What a request may have and the way to another dialect leaves out, since it does no harm. The docs list it. */
  readonly harmless: readonly FieldNote[];
  /** What is refused on the way to any other dialect, besides the features that the target lacks. The docs list it. */
  readonly refused: readonly FieldNote[];
  /** `body` is a parsed request whose top-level fields the gateway has checked. */
  readRequest(body: JsonObject): Conversation | Fault;
  writeReply(answer: Answer, context: ReplyContext): JsonObject;
  writeStream(context: ReplyContext): StreamEncoder;
  /** Usage in the dialect's form, for a reply that is written. */
  writeUsage(usage: TokenUsage): JsonObject;
}

/** How a dialect that providers speak as well is mapped: requests are written for them, and their answers read. */
export interface DialectCodec extends CallerCodec {
  writeRequest(conversation: Conversation, context: WriteContext): WrittenRequest | Fault;
  /** Null if the document is no answer. `names` undoes what `writeRequest` changed. */
  readReply(document: JsonObject, names: NameMap): Answer | null;
  readStream(names: NameMap): StreamDecoder;
}

/**
 * What a request can say, by the name that it has here. The table of features says, for each dialect, under which field
 * it stands or that the dialect has none; the page of the docs is generated from it.
 */
export type Feature =
  | 'system'
  | 'turns'
  | 'images'
  | 'documents'
  | 'audio'
  | 'tools'
  | 'custom_tools'
  | 'builtin_tools'
  | 'tool_choice'
  | 'parallel_tool_calls'
  | 'json_object'
  | 'json_schema'
  | 'output_tokens_max'
  | 'stop'
  | 'temperature'
  | 'top_p'
  | 'top_k'
  | 'frequency_penalty'
  | 'presence_penalty'
  | 'seed'
  | 'logit_bias'
  | 'logprobs'
  | 'reasoning'
  | 'thinking_budget'
  | 'verbosity'
  | 'user'
  | 'metadata'
  | 'prompt_cache_key'
  | 'service_tier'
  | 'stream'
  | 'choices';
