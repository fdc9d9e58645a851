import { lastField } from '../../json-scan/last-field.js';
import {
  CLOSE_BRACKET,
  COLON,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
  skipValue,
  type Span,
} from '../../json-scan/json-tokens.js';
import { valueAt } from '../../json-scan/values.js';
import type { UsageReport } from '@tollgate/usage';
import { NO_ANSWER, type PlainReply, type ProviderError } from '../answer.js';
import { parseReply } from '../openai/parse-reply.js';
import { errorIn, isObject, statusIn } from '../openai/reply-error.js';
import { readEmbeddingsUsage } from './embeddings-usage.js';

const USAGE = Buffer.from('"usage"'),
  DATA = Buffer.from('"data"'),
  EMBEDDING = Buffer.from('"embedding"'),
  ERROR = Buffer.from('"error"');
/**
 * A longer reply is not parsed, since a list of many vectors would delay all other requests by a tenth of a second and
 * more. Only its beginning and its end are read.
 */
const PARSED_BYTES_MAX = 1024 * 1024;
/** How many bytes of a long reply are read at each end. */
const END_BYTES = 64 * 1024;

/**
 * Reads a plain reply. Nearly every reply is a list of vectors with its usage before or after them. It is not parsed,
 * because numbers and base64 cannot contain these names. A list without a report is still an answer, and our count of
 * the input applies.
 */
export function readReply(body: Buffer): PlainReply {
  const isLong = body.length > PARSED_BYTES_MAX;
  if (isListOfVectors(body)) {
    const report = reportIn(body);
    if (report !== null || isLong) return { kind: 'answer', report, countedOutputTokens: 0 };
  }
  return isLong ? { kind: 'no_answer', error: NO_ANSWER, report: reportIn(body) } : readDocument(parseReply(body));
}

/** Whether the reply is an object whose data begins with a vector, without an error at either end. */
function isListOfVectors(body: Buffer): boolean {
  if (body[0] !== OPEN_BRACE) return false;
  const head = body.subarray(0, END_BYTES);
  const data = head.indexOf(DATA);
  if (data === -1 || head.includes(ERROR) || body.subarray(-END_BYTES).includes(ERROR)) return false;
  const list = afterColon(body, data + DATA.length);
  if (body[list] !== OPEN_BRACKET) return false;
  const first = skipSpace(body, list + 1);
  if (body[first] !== OPEN_BRACE) return false;
  // The first match is often a value: the `object` of the item.
  for (let name = head.indexOf(EMBEDDING, first); name !== -1; name = head.indexOf(EMBEDDING, name + 1)) {
    const colon = skipSpace(body, name + EMBEDDING.length);
    if (body[colon] !== COLON) continue;
    const vector = skipSpace(body, colon + 1);
    if (body[vector] === QUOTE) return body[vector + 1] !== QUOTE;
    return body[vector] === OPEN_BRACKET && body[skipSpace(body, vector + 1)] !== CLOSE_BRACKET;
  }
  return false;
}

/** The place of the value after the name that ends at `from`. */
function afterColon(body: Buffer, from: number): number {
  const colon = skipSpace(body, from);
  return body[colon] === COLON ? skipSpace(body, colon + 1) : colon;
}

/** The report in a reply that is not parsed, at its end or before its vectors; null for none. */
const reportIn = (body: Buffer): UsageReport | null => reportAtEnd(body) ?? reportAtStart(body);

function reportAtEnd(body: Buffer): UsageReport | null {
  const end = body.subarray(-END_BYTES);
  const last = lastField(end, USAGE);
  return last === undefined ? null : readEmbeddingsUsage(valueAt(end, last));
}

/** Some providers send the report before the vectors. */
function reportAtStart(body: Buffer): UsageReport | null {
  const head = body.subarray(0, END_BYTES);
  const name = head.indexOf(USAGE);
  if (name === -1 || name > head.indexOf(DATA)) return null;
  const start = afterColon(head, name + USAGE.length);
  const span: Span = { start, end: skipValue(head, start) };
  return span.end < 0 ? null : readEmbeddingsUsage(valueAt(head, span));
}

function readDocument(document: unknown): PlainReply {
  const error = faultOfReply(document);
  const report = readEmbeddingsUsage(isObject(document) ? document['usage'] : null);
  if (error !== null) return { kind: 'no_answer', error, report };
  return { kind: 'answer', report, countedOutputTokens: 0 };
}

/** The error in a parsed reply; null if it is a list of vectors. */
function faultOfReply(document: unknown): ProviderError | null {
  // Google's servers send an error as a list of one.
  const only: unknown = Array.isArray(document) && document.length === 1 ? document[0] : document;
  if (!isObject(only)) return NO_ANSWER;
  const error = errorIn(only);
  if (error !== null) return error;
  const data = only['data'];
  if (only === document && Array.isArray(data) && data.length > 0 && data.every(isVector)) return null;
  const status = statusIn(only);
  return status === null ? NO_ANSWER : { status, why: 'no_answer' };
}

/** Whether the item has numbers, or base64 of them. Some models give a list of numbers for each token. */
function isVector(item: unknown): boolean {
  if (!isObject(item)) return false;
  const { embedding } = item;
  return typeof embedding === 'string' ? embedding !== '' : Array.isArray(embedding) && embedding.length > 0;
}
