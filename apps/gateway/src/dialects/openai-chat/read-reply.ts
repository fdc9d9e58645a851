import { readUsage, reportIn, withServiceTier, type UsageReport } from '@tollgate/usage';
import { EmbeddedData } from '../../request-path/usage/embedded-data.js';
import { measureTexts } from '../../request-path/usage/text-meter.js';
import { textsOfChoices } from './delivered-text.js';
import type { Span } from '../../json-scan/json-tokens.js';
import { fieldAfter, lastField, topLevelField } from '../../json-scan/last-field.js';
import { valueAt } from '../../json-scan/values.js';
import { NO_ANSWER, type PlainReply } from '../answer.js';
import { parseReply } from '../openai/parse-reply.js';
import { faultOfReply } from './completion-check.js';

const USAGE = Buffer.from('"usage"');
const SERVICE_TIER = Buffer.from('"service_tier"');
const CHOICES = '"choices"';
/**
 * Without the quote behind it: the engine takes half the time for a word of up to six characters. A reply with a longer
 * name of this beginning is parsed.
 */
const ERROR = '"error';
const MESSAGE = '"message"';
const OPEN_BRACE = 0x7b,
  OPEN_BRACKET = 0x5b,
  COLON = 0x3a,
  SPACE = 0x20;
/**
 * A longer reply is not parsed, since that would delay all other requests by a tenth of a second and more. It counts as
 * a completion only if it reports its usage at its end.
 */
const PARSED_BYTES_MAX = 8 * 1024 * 1024;
/** How many bytes of such a reply are read, from its end. */
const END_BYTES = 64 * 1024;

/**
 * Reads a plain reply. Nearly every reply reports its usage at its end, has choices and contains no error; it is not
 * parsed, because quotes within text are escaped and so cannot look like such names. `text` is the body as latin1, if
 * known.
 */
export function readReply(body: Buffer, text: string | null = null): PlainReply {
  const isLong = body.length > PARSED_BYTES_MAX;
  if (
    body[0] === OPEN_BRACE &&
    (isLong ? body.includes(CHOICES) : hasChoicesAndNoError(text ?? body.toString('latin1')))
  ) {
    const end = isLong ? body.subarray(-END_BYTES) : body;
    const last = lastField(end, USAGE);
    const report = last === undefined ? null : readUsage(valueAt(end, last));
    // If the report lacks a side, or says 0, the reply must be parsed to see whether there is any text.
    if (last !== undefined && report !== null && (report.inputTokens ?? 0) > 0 && (report.outputTokens ?? 0) > 0) {
      const tier = tierOf(body, end, last.end);
      const served = tier === undefined ? report : withServiceTier(report, valueAt(tier.bytes, tier.span));
      return { kind: 'answer', report: served, countedOutputTokens: 0 };
    }
  }
  return isLong ? { kind: 'no_answer', error: NO_ANSWER, report: reportAtEnd(body) } : readDocument(parseReply(body));
}

/** The report at the end of a reply that is too long to be parsed; null for none. */
function reportAtEnd(body: Buffer): UsageReport | null {
  const end = body.subarray(-END_BYTES);
  const last = lastField(end, USAGE);
  return last === undefined ? null : readUsage(valueAt(end, last));
}

/**
 * The tier that served the call: OpenAI names it right after the usage, others anywhere before. The reply is scanned
 * only if the name stands in it, and not within a text, where its quotes would be escaped.
 */
function tierOf(body: Buffer, end: Buffer, usageEnd: number): { bytes: Buffer; span: Span } | undefined {
  const after = fieldAfter(end, usageEnd, SERVICE_TIER);
  if (after !== undefined) return { bytes: end, span: after };
  const span = body.includes(SERVICE_TIER) ? topLevelField(body, SERVICE_TIER) : undefined;
  return span && { bytes: body, span };
}

/**
 * Whether a list with a message follows the first `choices`, there is no error, and no object follows another without a
 * comma, as it would in two concatenated replies.
 */
function hasChoicesAndNoError(text: string): boolean {
  const at = text.indexOf(CHOICES);
  if (at === -1 || text.includes(ERROR) || text.includes('}{') || text.includes('}\n')) return false;
  const list = afterSpace(text, at + CHOICES.length);
  return (
    text.charCodeAt(list) === OPEN_BRACKET &&
    text.charCodeAt(afterSpace(text, list + 1)) === OPEN_BRACE &&
    text.includes(MESSAGE, list)
  );
}

/** The place of the next character that is neither a colon nor white space. */
function afterSpace(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code === COLON || code <= SPACE; code = text.charCodeAt(at)) at++;
  return at;
}

function readDocument(document: unknown): PlainReply {
  const report = reportIn(document);
  const error = faultOfReply(document);
  if (error !== null) return { kind: 'no_answer', error, report };
  return { kind: 'answer', report, countedOutputTokens: deliveredTokens(textsOfChoices(document)) };
}

/** Counts the tokens of a whole answer. Data in its text counts as images. */
function deliveredTokens(texts: readonly string[]): number {
  const embedded = new EmbeddedData();
  const stripped = texts.map((text) => (embedded.concerns(text.length) ? embedded.strip(text) : text));
  return measureTexts(stripped) + embedded.tokens;
}
