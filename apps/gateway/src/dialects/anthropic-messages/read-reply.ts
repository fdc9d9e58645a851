import { reportIn, type UsageReport } from '@tollgate/usage';
import {
  CLOSE_BRACE,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipName,
  skipSpace,
  skipValue,
  type Span,
} from '../../json-scan/json-tokens.js';
import { valueAt } from '../../json-scan/values.js';
import { EmbeddedData } from '../../request-path/usage/embedded-data.js';
import { measureTexts } from '../../request-path/usage/text-meter.js';
import { NO_ANSWER, type PlainReply } from '../answer.js';
import { parseReply } from '../openai/parse-reply.js';
import { errorIn, isObject } from '../openai/reply-error.js';
import { textsOfMessage } from './delivered-text.js';

/** A longer reply is not parsed, since that would delay all other requests by a tenth of a second and more. */
const PARSED_BYTES_MAX = 8 * 1024 * 1024;
const NAME_BYTES_MAX = 32;

/** The top-level fields of a reply that decide what it is; null for one that it does not have. */
interface ReplyFields {
  content: Span | null;
  usage: Span | null;
  type: Span | null;
  error: Span | null;
}

/**
 * Reads a plain reply. Its top-level fields are found without parsing it: a call of a tool has any fields within it,
 * even a `usage`. Only a reply whose report lacks a side is parsed, to count its texts.
 */
export function readReply(body: Buffer): PlainReply {
  const fields = topLevel(body);
  if (fields !== null && isMessage(body, fields)) {
    const report = reportOf(body, fields);
    if ((report?.inputTokens ?? 0) > 0 && (report?.outputTokens ?? 0) > 0)
      return { kind: 'answer', report, countedOutputTokens: 0 };
  }
  if (body.length <= PARSED_BYTES_MAX) return readDocument(parseReply(body));
  return { kind: 'no_answer', error: NO_ANSWER, report: fields === null ? null : reportOf(body, fields) };
}

const reportOf = (body: Buffer, { usage }: ReplyFields): UsageReport | null =>
  usage === null ? null : reportIn({ usage: valueAt(body, usage) });

function isMessage(body: Buffer, { content, type, error }: ReplyFields): boolean {
  return (
    error === null &&
    content !== null &&
    body[content.start] === OPEN_BRACKET &&
    type !== null &&
    valueAt(body, type) === 'message'
  );
}

/** Finds the top-level fields; null if the reply is no object, or has a name that is spelt with escapes. */
function topLevel(body: Buffer): ReplyFields | null {
  const fields: ReplyFields = { content: null, usage: null, type: null, error: null };
  let at = skipSpace(body, 0);
  if (body[at] !== OPEN_BRACE) return null;
  at = skipSpace(body, at + 1);
  while (body[at] === QUOTE) {
    const start = skipName(body, at);
    const end = start < 0 ? -1 : skipValue(body, start);
    if (end < 0) return null;
    const name = body.toString('latin1', at + 1, Math.min(start, at + NAME_BYTES_MAX));
    if (name.slice(0, name.indexOf('"')).includes('\\')) return null;
    const field = name.slice(0, name.indexOf('"'));
    // As parsers of JSON do, the last of several equal names counts.
    if (field === 'content' || field === 'usage' || field === 'type' || field === 'error')
      fields[field] = { start, end };
    at = skipSpace(body, end);
    if (body[at] === COMMA) at = skipSpace(body, at + 1);
  }
  return body[at] === CLOSE_BRACE && skipSpace(body, at + 1) === body.length ? fields : null;
}

function readDocument(document: unknown): PlainReply {
  if (!isObject(document)) return { kind: 'no_answer', error: NO_ANSWER, report: null };
  const report = reportIn(document);
  const error = errorIn(document);
  if (error !== null) return { kind: 'no_answer', error, report };
  const { content, stop_reason: reason, type } = document;
  const isAnswer =
    Array.isArray(content) &&
    (type === 'message' || type === undefined) &&
    (content.length > 0 || reason !== undefined);
  if (!isAnswer) return { kind: 'no_answer', error: NO_ANSWER, report };
  return { kind: 'answer', report, countedOutputTokens: deliveredTokens(textsOfMessage(document)) };
}

/** Counts the tokens of a whole answer. Data in its text counts as images. */
function deliveredTokens(texts: readonly string[]): number {
  const embedded = new EmbeddedData();
  const stripped = texts.map((text) => (embedded.concerns(text.length) ? embedded.strip(text) : text));
  return measureTexts(stripped) + embedded.tokens;
}
