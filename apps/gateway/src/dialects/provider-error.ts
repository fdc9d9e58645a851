import { readError, type ErrorKind } from '@tollgate/conversation';
import type { ErrorCode } from '@tollgate/errors';

const MESSAGE_CHARACTERS_MAX = 2_000;

/** What a provider said is wrong. */
interface ReadError {
  /** What it is about, if that is one of the things that clients act on; null for any other. */
  readonly kind: ErrorKind | null;
  /** The provider's own name for it; null if it gives none. */
  readonly code: string | null;
  /** The field that it blames; null for none. */
  readonly param: string | null;
  /** The HTTP status that it came with, else the one that it names; null for none. */
  readonly status: number | null;
  /** The provider's own words, in plain text; null if there are none that can be shown. */
  readonly message: string | null;
}

/**
 * Reads the error in a reply of any dialect that came with this status, or in the data of an event, which has none.
 * Texts that are no JSON have no words for clients: they may be a page of a proxy.
 */
export function readProviderError(status: number | null, body: Buffer): ReadError {
  let document: unknown;
  try {
    document = JSON.parse(body.toString('utf8'));
  } catch {
    document = {};
  }
  // Google's servers send an error as a list of one.
  const first: unknown = Array.isArray(document) ? document[0] : document;
  const fields = typeof first === 'object' && first !== null ? (first as Record<string, unknown>) : {};
  const { error, message, param, status: named } = readError(fields, '', status);
  const words = typeof first === 'string' ? first : message;
  return {
    kind: error.kind,
    code: error.code,
    param,
    status: named,
    message: words === null || words === '' ? null : words.slice(0, MESSAGE_CHARACTERS_MAX),
  };
}

/** The codes of our own for errors about the request that clients act on. */
const CODES: Partial<Record<ErrorKind, ErrorCode>> = {
  context_length: 'context_length_exceeded',
  content_filter: 'content_policy_violation',
  request_too_large: 'body_too_large',
  model_not_found: 'model_not_found',
};

/** The code of our own for a kind of error about the request; null for others. */
export function codeOfKind(kind: ErrorKind | null): ErrorCode | null {
  return kind === null ? null : (CODES[kind] ?? null);
}

/** The kind that an error of our own has, where clients look for a phrase in its message; null for others. */
export function kindOfCode(code: ErrorCode): ErrorKind | null {
  if (code === 'context_length_exceeded') return 'context_length';
  return code === 'content_policy_violation' ? 'content_filter' : null;
}

/** The code of our own that is nearest to the status of a provider's error about the request. */
export function codeOfStatus(status: number): ErrorCode {
  switch (status) {
    case 404:
      return 'not_found';
    case 413:
      return 'body_too_large';
    default:
      return 'invalid_request';
  }
}

/** A provider's words without ids of answers that it keeps. */
export function withoutIds<Text extends string | null>(words: Text): Text {
  return (words?.replace(/\bresp_[A-Za-z0-9_-]{4,}/g, '[an id]') ?? null) as Text;
}
