import type { AnswerError } from '../answer.js';
import type { JsonObject } from '../dialect-codec.js';
import { fieldsOf, isObject, textOf } from '../fields.js';
import { kindOf } from './error-kind.js';

/** An error of which nothing is known but that it ended an answer. `message` is a sentence of ours. */
export function unnamedError(message: string): AnswerError {
  return { kind: null, type: null, code: null, message };
}

/** An error as a provider wrote it. */
interface WrittenError {
  readonly error: AnswerError;
  /** The provider's own words; null if it has none. */
  readonly message: string | null;
  /** The field that it blames; null for none. */
  readonly param: string | null;
  /** The HTTP status that it came with, else the one that it names; null for none. */
  readonly status: number | null;
}

/**
 * Reads the error in a parsed document of any dialect: in `error`, as an object or as a text; in `response.error`, as
 * Responses has it in streams; or the document itself, as vLLM and FastAPI write it. `status` is the HTTP status that
 * it came with, null in a stream. `words` stand for those that the provider does not have.
 */
export function readError(document: JsonObject, words: string, status: number | null = null): WrittenError {
  const fields = errorFields(document);
  const message = messageIn(fields) ?? messageIn(document);
  const type = typeIn(fields);
  const code = textOf(fields['code']);
  const named = status ?? statusIn(fields);
  const names = [innerCode(fields), openRouterName(fields), code, type, textOf(fields['status'])];
  const kind = kindOf({ names: names.filter((name) => name !== null), status: named, message });
  return {
    error: { kind, type, code, message: message ?? words },
    message,
    param: textOf(fields['param']),
    status: named,
  };
}

function errorFields(document: JsonObject): JsonObject {
  const inner = fieldsOf(document['response'])['error'] ?? document['error'];
  if (typeof inner === 'string') return { message: inner };
  return isObject(inner) && Object.keys(inner).length > 0 ? inner : document;
}

/** The name of the error, not that of the event or document that it is. */
function typeIn({ type }: JsonObject): string | null {
  const name = textOf(type);
  return name === 'error' || name?.startsWith('response.') === true ? null : name;
}

/** What Azure says more exactly than `code` does. */
function innerCode({ innererror, inner_error: other }: JsonObject): string | null {
  return textOf(fieldsOf(innererror ?? other)['code']);
}

/**
 * What OpenRouter says more exactly than by the status in `code`. It gives reasons only where its moderation has
 * refused the input. Its name for a provider without free capacity is ours for another trouble; its status says it.
 */
function openRouterName({ metadata }: JsonObject): string | null {
  const { reasons, error_type: type } = fieldsOf(metadata);
  if (Array.isArray(reasons)) return 'content_policy_violation';
  return type === 'provider_overloaded' ? null : textOf(type);
}

function messageIn({ message, detail }: JsonObject): string | null {
  return textOf(message) ?? textOf(detail);
}

const STATUS = /^[45]\d\d$/;

function statusIn(fields: JsonObject): number | null {
  for (const name of ['code', 'status', 'status_code', 'http_code']) {
    const value = fields[name];
    if ((typeof value === 'number' || typeof value === 'string') && STATUS.test(String(value))) return Number(value);
  }
  return null;
}
