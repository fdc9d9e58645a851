import type { AnswerError } from '../answer.js';
import { tooLongForAnthropic, tooLongForOpenAi } from './context-length.js';
import type { ErrorKind } from './error-kind.js';

/** How a kind of error is called in each dialect. */
interface Names {
  /** `type` and `code` in chat and completions of OpenAI, and in its plain errors. */
  readonly chat: readonly [type: string, code: string];
  /** `code` in a response that failed. Codex tells errors by it, and tries again after `server_error`. */
  readonly responses: string;
  /** `type` in Anthropic's errors. */
  readonly messages: string;
}

/** The sources: platform.openai.com/docs/guides/error-codes, platform.claude.com/docs/en/api/errors, and Codex. */
const NAMES: Readonly<Record<ErrorKind, Names>> = {
  context_length: {
    chat: ['invalid_request_error', 'context_length_exceeded'],
    responses: 'context_length_exceeded',
    messages: 'invalid_request_error',
  },
  content_filter: {
    chat: ['invalid_request_error', 'content_policy_violation'],
    responses: 'invalid_prompt',
    messages: 'invalid_request_error',
  },
  request_too_large: {
    chat: ['invalid_request_error', 'body_too_large'],
    responses: 'body_too_large',
    messages: 'request_too_large',
  },
  model_not_found: {
    chat: ['invalid_request_error', 'model_not_found'],
    responses: 'model_not_found',
    messages: 'not_found_error',
  },
  rate_limit: {
    chat: ['rate_limit_error', 'rate_limit_exceeded'],
    responses: 'rate_limit_exceeded',
    messages: 'rate_limit_error',
  },
  overloaded: {
    chat: ['server_error', 'server_is_overloaded'],
    responses: 'server_error',
    messages: 'overloaded_error',
  },
  quota: {
    chat: ['insufficient_quota', 'insufficient_quota'],
    responses: 'insufficient_quota',
    messages: 'billing_error',
  },
  authentication: {
    chat: ['invalid_request_error', 'invalid_api_key'],
    responses: 'invalid_api_key',
    messages: 'authentication_error',
  },
  permission: {
    chat: ['permission_error', 'access_denied'],
    responses: 'access_denied',
    messages: 'permission_error',
  },
  timeout: {
    chat: ['server_error', 'provider_timeout'],
    responses: 'server_error',
    messages: 'timeout_error',
  },
};

/** Anthropic's types of errors, which are kept where an error has no kind. */
const ANTHROPIC_TYPES: ReadonlySet<string> = new Set(['invalid_request_error', 'not_found_error', 'api_error']);
/** Names of Anthropic for which clients of Responses know another. */
const FAILURES: ReadonlySet<string> = new Set(['api_error', 'internal_server_error']);

const BLOCKED = 'Blocked by the content filtering policy of the provider';

/** The words for people in an error of a kind, in which clients of OpenAI's dialects find the phrases they look for. */
export function openAiWords(kind: ErrorKind | null, words: string | null): string | null {
  return kind === 'context_length' ? tooLongForOpenAi(words) : words;
}

/** The words for people in an error of a kind, in which clients of Anthropic find the phrases that they look for. */
export function anthropicWords(kind: ErrorKind | null, words: string | null): string | null {
  if (kind === 'context_length') return tooLongForAnthropic(words);
  if (kind !== 'content_filter' || words === null) return words;
  return words.toLowerCase().includes('content filtering policy') ? words : `${BLOCKED}: ${words}`;
}

/** The content of `error` in a stream of chat, and in one of our own dialect. */
export function chatError({ kind, type, code: told, message }: AnswerError): {
  readonly message: string;
  readonly type: string;
  readonly param: null;
  readonly code: string | null;
} {
  const [known, code] = kind === null ? [type ?? told ?? 'server_error', told] : NAMES[kind].chat;
  return { message: openAiWords(kind, message) ?? message, type: known, param: null, code };
}

/** The content of `error` in a response that failed. */
export function responseError({ kind, type, code, message }: AnswerError): {
  readonly code: string;
  readonly message: string;
} {
  const words = openAiWords(kind, message) ?? message;
  if (kind !== null) return { code: NAMES[kind].responses, message: words };
  const name = code ?? type;
  return { code: name === null || FAILURES.has(name) ? 'server_error' : name, message: words };
}

/** The content of `error` in a stream of Messages. */
export function messageError({ kind, type, message }: AnswerError): {
  readonly type: string;
  readonly message: string;
} {
  const words = anthropicWords(kind, message) ?? message;
  if (kind !== null) return { type: NAMES[kind].messages, message: words };
  return { type: type !== null && ANTHROPIC_TYPES.has(type) ? type : 'api_error', message: words };
}
