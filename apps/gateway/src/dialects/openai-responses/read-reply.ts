import { reportIn } from '@tollgate/usage';
import { EmbeddedData } from '../../request-path/usage/embedded-data.js';
import { measureTexts } from '../../request-path/usage/text-meter.js';
import { NO_ANSWER, type PlainReply } from '../answer.js';
import { parseReply } from '../openai/parse-reply.js';
import { textsOfResponse } from './delivered-text.js';
import type { IdSeal } from './id-seal.js';
import { faultOfResponse } from './response-check.js';

/** A longer reply is not parsed, since that would delay all other requests by a tenth of a second and more. */
const PARSED_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Reads a plain reply. `seal` replaces the ids in it for the client; null if the reply is not for a client. `text` is
 * the body as latin1, if known.
 */
export function readReply(body: Buffer, text: string | null, seal: IdSeal | null): PlainReply {
  if (body.length > PARSED_BYTES_MAX) return { kind: 'no_answer', error: NO_ANSWER, report: null };
  const document = parseReply(body);
  const error = faultOfResponse(document);
  const report = reportIn(document);
  if (error !== null) return { kind: 'no_answer', error, report };
  const isCounted = (report?.outputTokens ?? 0) > 0;
  const answer = { kind: 'answer', report, countedOutputTokens: isCounted ? 0 : deliveredTokens(document) } as const;
  if (seal === null) return answer;
  if (!seal.learn((document as { id?: unknown }).id)) return { kind: 'no_answer', error: NO_ANSWER, report };
  return { ...answer, body: Buffer.from(seal.inJson(text ?? body.toString('latin1'), document), 'latin1') };
}

/** Counts the tokens of a whole answer. Data in its text counts as images. */
function deliveredTokens(document: unknown): number {
  const embedded = new EmbeddedData();
  const texts = textsOfResponse(document).map((text) => (embedded.concerns(text.length) ? embedded.strip(text) : text));
  return measureTexts(texts) + embedded.tokens;
}
