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
import type { UsageReport } from '../../request-path/usage/reported-usage.js';
import { NO_ANSWER, type PlainReply, type ProviderError } from '../dialect.js';
import { errorIn, isObject, statusIn } from '../openai/reply-error.js';
import { readEmbeddingsUsage } from './embeddings-usage.js';

const USAGE = Buffer.from('"usage"'),
  DATA = Buffer.from('"data"'),
  EMBEDDING = Buffer.from('"embedding"'),
  ERROR = Buffer.from('"error"');
const BOM = '\ufeff';
/**
 * A longer reply is not parsed: a list of many vectors would hold up every other request for a tenth of a second and
 * more. Its beginning and its end are looked at.
 */
const PARSED_BYTES_MAX = 1024 * 1024;
/** Of a long reply so many bytes are looked at, at each end. */
const END_BYTES = 64 * 1024;

/**
 * Reads a plain reply. A list of vectors that reports its usage before or behind them, as nearly all do, is not parsed:
 * numbers and base64 hold no names. Without a report it is an answer all the same, and our count of the input stands.
 */
export function readReply(body: Buffer): PlainReply {
  const isLong = body.length > PARSED_BYTES_MAX;
  if (isListOfVectors(body)) {
    const report = reportAtEnd(body) ?? reportAtStart(body);
    if (report !== null || isLong) return { kind: 'answer', report, countedOutputTokens: 0 };
  }
  return isLong ? { kind: 'no_answer', error: NO_ANSWER } : readDocument(parsed(body));
}

/** Whether the reply is an object whose data begins with a vector, and nothing at its ends is an error. */
function isListOfVectors(body: Buffer): boolean {
  if (body[0] !== OPEN_BRACE) return false;
  const head = body.subarray(0, END_BYTES);
  const data = head.indexOf(DATA);
  if (data === -1 || head.includes(ERROR) || body.subarray(-END_BYTES).includes(ERROR)) return false;
  const list = afterColon(body, data + DATA.length);
  if (body[list] !== OPEN_BRACKET) return false;
  const first = skipSpace(body, list + 1);
  if (body[first] !== OPEN_BRACE) return false;
  // The first is often a value: the kind of the object.
  for (let name = head.indexOf(EMBEDDING, first); name !== -1; name = head.indexOf(EMBEDDING, name + 1)) {
    const colon = skipSpace(body, name + EMBEDDING.length);
    if (body[colon] !== COLON) continue;
    const vector = skipSpace(body, colon + 1);
    if (body[vector] === QUOTE) return body[vector + 1] !== QUOTE;
    return body[vector] === OPEN_BRACKET && body[skipSpace(body, vector + 1)] !== CLOSE_BRACKET;
  }
  return false;
}

/** The place of the value whose name ended here. */
function afterColon(body: Buffer, from: number): number {
  const colon = skipSpace(body, from);
  return body[colon] === COLON ? skipSpace(body, colon + 1) : colon;
}

function reportAtEnd(body: Buffer): UsageReport | null {
  const end = body.subarray(-END_BYTES);
  const last = lastField(end, USAGE);
  return last === undefined ? null : readEmbeddingsUsage(valueAt(end, last));
}

/** Some send the report before the vectors. */
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
  if (error !== null) return { kind: 'no_answer', error };
  return {
    kind: 'answer',
    report: readEmbeddingsUsage(isObject(document) ? document['usage'] : null),
    countedOutputTokens: 0,
  };
}

/** What is wrong with a whole reply; null where it is a list of vectors. */
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

/** Numbers, or base64 of them; some models give a list of numbers for each token. */
function isVector(item: unknown): boolean {
  if (!isObject(item)) return false;
  const { embedding } = item;
  return typeof embedding === 'string' ? embedding !== '' : Array.isArray(embedding) && embedding.length > 0;
}

function parsed(body: Buffer): unknown {
  try {
    const text = body.toString('utf8');
    return JSON.parse(text.startsWith(BOM) ? text.slice(1) : text);
  } catch {
    return undefined;
  }
}
