import type { MediaPart } from '../../request-path/usage/media-bound.js';
import { mediaTokens, REFERENCE_TOKENS } from '../../request-path/usage/media-tokens.js';
import { atOnce, BYTES_IN_TOKEN, bytesOfEscapes, inSteps, type Estimate } from '../request-scan/text-estimate.js';
import type { MessagesFields } from './messages-fields.js';

type Content = Pick<MessagesFields, 'media' | 'toolPromptTokens'>;

/**
 * Estimates the input tokens of a body of Messages, for the tokens-per-minute limit and for the charge if no usage is
 * reported: one token for each four bytes of text, and a figure for each image and file.
 */
export function estimateInputTokens(body: Buffer, content: Content): number {
  return atOnce(estimateSteps(body, content));
}

/** Estimates in steps, with a turn of the event loop between them. */
export function estimateInputTokensInSteps(
  body: Buffer,
  content: Content,
  nextTurn: () => Promise<void>,
): Promise<number> {
  return inSteps(estimateSteps(body, content), nextTurn);
}

function* estimateSteps(body: Buffer, { media }: Content): Estimate {
  let bytes = body.length - (yield* bytesOfEscapes(body));
  let tokens = 0;
  for (const part of media) {
    if (part.data !== null) bytes -= part.data.end - part.data.start;
    tokens += tokensOf(body, part);
  }
  return Math.ceil(Math.max(bytes, 0) / BYTES_IN_TOKEN) + tokens;
}

function tokensOf(body: Buffer, { kind, data }: MediaPart): number {
  // The block of a tool's result is in the body, only its length in tokens is not known.
  if (data === null) return kind === 'anything' ? 0 : REFERENCE_TOKENS;
  return mediaTokens(kind === 'anything' ? 'file' : kind, body, data.start, data.end);
}
