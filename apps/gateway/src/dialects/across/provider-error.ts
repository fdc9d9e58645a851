import type { ErrorCode } from '@tollgate/errors';

const MESSAGE_CHARACTERS_MAX = 2_000;

/** The code of our own that is nearest to the status of a provider's error about the request. */
export function codeOfError(status: number): ErrorCode {
  switch (status) {
    case 404:
      return 'not_found';
    case 413:
      return 'body_too_large';
    default:
      return 'invalid_request';
  }
}

/** The words of a provider's error, in any dialect's form; null if there are none that can be shown. */
export function messageOfError(body: Buffer): string | null {
  let document: unknown;
  try {
    document = JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
  const error: unknown = fieldsOf(Array.isArray(document) ? document[0] : document)['error'] ?? document;
  const message = typeof error === 'string' ? error : (fieldsOf(error)['message'] ?? fieldsOf(document)['message']);
  return typeof message === 'string' && message !== '' ? message.slice(0, MESSAGE_CHARACTERS_MAX) : null;
}

/** A provider's words without ids of answers that it keeps. */
export function withoutIds<Text extends string | null>(words: Text): Text {
  return (words?.replace(/\bresp_[A-Za-z0-9_-]{4,}/g, '[an id]') ?? null) as Text;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
