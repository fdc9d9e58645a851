export type {
  AssistantPart,
  AudioPart,
  CacheMark,
  Conversation,
  DocumentPart,
  ImagePart,
  OutputFormat,
  Reasoning,
  RefusalPart,
  SealedThought,
  Source,
  TextPart,
  ThinkingPart,
  Tool,
  ToolCallPart,
  ToolChoice,
  ToolResult,
  Turn,
  UserPart,
} from './conversation.js';
export type {
  Answer,
  AnswerError,
  AnswerEvent,
  AnswerPart,
  AnswerText,
  Citation,
  Finish,
  FinishReason,
  OpenedPart,
} from './answer.js';
export type {
  CallerCodec,
  ConversationDialect,
  DialectCodec,
  Fault,
  Feature,
  FieldNote,
  JsonObject,
  NameMap,
  ProviderSeal,
  ReplyContext,
  SentEvent,
  StreamDecoder,
  StreamEncoder,
  WriteContext,
  WrittenRequest,
} from './dialect-codec.js';
export type { ErrorKind } from './errors/error-kind.js';
export { anthropicWords, openAiWords } from './errors/error-words.js';
export { readError } from './errors/read-error.js';
export { parseJson, writeJson } from './exact-json.js';
export { fieldOfFeature, FEATURES } from './features.js';
export { anthropicMessages } from './anthropic-messages/codec.js';
export { isForeignThought } from './anthropic-messages/foreign-thoughts.js';
export { FOREIGN_SEAL } from './foreign-seal.js';
export { inference } from './inference/codec.js';
export { reasons } from './openai-effort.js';
export { openaiChat } from './openai-chat/codec.js';
export { CALL_SEAL, openCallId } from './openai-responses/call-seals.js';
export { openaiResponses } from './openai-responses/codec.js';
