import type { UsageReport } from '../usage/reported-usage.js';
import { readUsage, reportIn } from '../usage/reported-usage.js';
import { measureTexts } from '../usage/text-meter.js';
import { textsOfChoices } from '../usage/delivered-text.js';
import { lastField } from '../receive-body/last-field.js';
import { valueAt } from '../receive-body/values.js';
import { faultOfReply, type ProviderError } from './completion-check.js';

/** What a plain reply with a status of success is. */
export type PlainReply =
  | { readonly kind: 'completion'; readonly report: UsageReport | null; readonly countedOutputTokens: number }
  | { readonly kind: 'no_completion'; readonly error: ProviderError };

const USAGE = Buffer.from('"usage"');
const CHOICES = Buffer.from('"choices"');
const ERROR = Buffer.from('"error"');
const OPEN_BRACE = 0x7b, OPEN_BRACKET = 0x5b, COLON = 0x3a, SPACE = 0x20;
const BOM = '\ufeff';

/**
 * Reads a plain reply. One that reports its usage at its end, has choices and no error anywhere, as nearly all do, is
 * not parsed: within text the quotes of such names are escaped.
 */
export function readReply(body: Buffer): PlainReply {
  if (body[0] === OPEN_BRACE && hasChoices(body) && !body.includes(ERROR)) {
    const last = lastField(body, USAGE);
    const report = last === undefined ? null : readUsage(valueAt(body, last));
    // Where a side is told as nothing, it must be known whether there is any text.
    if (report !== null && (report.inputTokens ?? 0) > 0 && (report.outputTokens ?? 0) > 0) return { kind: 'completion', report, countedOutputTokens: 0 };
  }
  return readDocument(parsed(body));
}

/** Whether a list stands behind the first name of that kind. */
function hasChoices(body: Buffer): boolean {
  let at = body.indexOf(CHOICES);
  if (at === -1) return false;
  at += CHOICES.length;
  while (body[at] === COLON || (body[at]! <= SPACE && at < body.length)) at++;
  return body[at] === OPEN_BRACKET;
}

function readDocument(document: unknown): PlainReply {
  const report = reportIn(document);
  const error = faultOfReply(document, report !== null && ((report.inputTokens ?? 0) > 0 || (report.outputTokens ?? 0) > 0));
  if (error !== null) return { kind: 'no_completion', error };
  return { kind: 'completion', report, countedOutputTokens: measureTexts(textsOfChoices(document)) };
}

function parsed(body: Buffer): unknown {
  try {
    const text = body.toString('utf8');
    return JSON.parse(text.startsWith(BOM) ? text.slice(1) : text);
  } catch {
    return undefined;
  }
}
