import { openAiWords, type ErrorKind } from '@tollgate/conversation';
import { ERRORS, openRouterBody, openRouterType, type ErrorCode } from '@tollgate/errors';
import { eventEnd, readEvent } from '../../request-path/forward/sse-reader.js';
import type { ErrorShape, StreamAbout } from '../dialect.js';
import { isObject } from '../openai/reply-error.js';
import { codeOfKind, kindOfCode, readProviderError } from '../provider-error.js';

/** How the chunks of a stream look that tell an error. */
interface ChunkForm {
  readonly object: string;
  /** What the choice has besides its index and its reason. */
  readonly choice: object;
}

interface ChunkError {
  readonly code: number;
  readonly message: string;
  readonly metadata: object;
}

const FAILED = 'The model provider failed in the middle of its answer.';
const BAD_GATEWAY = 502;

/** The plain errors of OpenRouter, which all endpoints of OpenAI's dialects have below `/api/v1`. */
export const BELOW_API = {
  body: (code: ErrorCode, message: string | null, param: string | null): Buffer =>
    Buffer.from(JSON.stringify(openRouterBody(code, { message: openAiWords(kindOfCode(code), message), param }))),
  ofProvider: (status: number, body: Buffer): Buffer | null => {
    if (isReadable(parsed(body.toString('utf8')))) return null;
    return Buffer.from(JSON.stringify({ error: errorOf(status, body) }));
  },
};

/**
 * The errors of OpenRouter, with chunks of this form in streams: its SDK refuses events without choices, and knows an
 * answer that failed by its reason `error`. Source: openrouter.ai/docs/api/reference/errors-and-debugging.
 */
export function openRouterErrors(form: ChunkForm): ErrorShape {
  return {
    ...BELOW_API,
    event: (code, about) => chunkOf(form, about, openRouterBody(code).error),
    withErrors: (events, about) => mapEvents(events, (raw) => retold(raw, form, about)),
  };
}

function chunkOf({ object, choice }: ChunkForm, about: StreamAbout, error: ChunkError): string {
  const chunk = {
    id: `gen-${about.requestId}`,
    object,
    created: about.createdSeconds,
    model: about.model,
    choices: [{ index: 0, ...choice, finish_reason: 'error' }],
    error,
  };
  return `data: ${Buffer.from(JSON.stringify(chunk)).toString('latin1')}\n\n`;
}

/** The event as clients of OpenRouter read it, if it is an error; else unchanged. */
function retold(raw: string, form: ChunkForm, about: StreamAbout): string {
  const { name, data } = readEvent(raw);
  if (data === null) return raw;
  const bytes = Buffer.from(data, 'latin1');
  const document = parsed(bytes.toString('utf8'));
  if (document === null || !(name === 'error' || isError(document))) return raw;
  return Array.isArray(document['choices']) && isReadable(document) ? raw : chunkOf(form, about, errorOf(null, bytes));
}

/**
 * A provider's error in OpenRouter's form. `status` is null for an event of a stream, which names its own or none. What
 * has a code of our own is told by it, whoever found it out: nobody can tell a refusal of ours from one of a provider.
 */
function errorOf(status: number | null, body: Buffer): ChunkError {
  const { kind, code, message, param, status: named } = readProviderError(status, body);
  const own = code !== null && isOwn(code) ? code : codeOfKind(kind);
  const shown = own === null ? null : openRouterBody(own, { message: openAiWords(kind, message), param }).error;
  if (shown !== null) return { ...shown, code: status ?? shown.code };
  const number = status ?? statusOfKind(kind) ?? named ?? BAD_GATEWAY;
  const metadata = {
    error_type: kind === 'overloaded' ? 'provider_overloaded' : openRouterType(number),
    ...(code === null ? {} : { provider_code: code }),
  };
  return { code: number, message: message ?? FAILED, metadata };
}

function isOwn(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

/** The statuses of kinds that are no errors of the request; a stream can tell them. */
const STATUS_OF_KIND: Partial<Record<ErrorKind, number>> = {
  authentication: 401,
  quota: 402,
  permission: 403,
  rate_limit: 429,
  overloaded: 503,
  timeout: 504,
};

function statusOfKind(kind: ErrorKind | null): number | null {
  return kind === null ? null : (STATUS_OF_KIND[kind] ?? null);
}

/** Whether clients of OpenRouter can read an error as it is: its code is a number. */
function isReadable(document: Record<string, unknown> | null): boolean {
  const error = document?.['error'];
  return isObject(error) && Number.isInteger(error['code']) && typeof error['message'] === 'string';
}

function isError({ error, object, choices }: Record<string, unknown>): boolean {
  if (isObject(error)) return Object.keys(error).length > 0;
  return (typeof error === 'string' && error !== '') || (object === 'error' && !Array.isArray(choices));
}

/** The object in a text of JSON, or in a list of one; null for anything else. */
function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    const document: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
    return isObject(document) ? document : null;
  } catch {
    return null;
  }
}

function mapEvents(events: string, map: (raw: string) => string): string {
  const mayHaveCr = events.includes('\r');
  let mapped = '';
  for (let at = 0; at < events.length;) {
    const end = eventEnd(events, at, mayHaveCr);
    mapped += map(events.slice(at, end));
    at = end;
  }
  return mapped;
}
