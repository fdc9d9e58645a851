import { tokenCount } from '../../request-path/admit/token-count.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { imageRuleOf } from '../../request-path/usage/image-families.js';
import { mediaOf, type MediaPart } from '../../request-path/usage/media-bound.js';
import { IMAGE_TOKENS, mediaTokens } from '../../request-path/usage/media-tokens.js';
import { TextMeter } from '../../request-path/usage/text-meter.js';
import { estimateInputTokensInSteps } from '../anthropic-messages/input-tokens.js';
import { piecesOf, PIECE_LENGTH } from './text-pieces.js';
import { nextTurn } from '../../json-scan/next-turn.js';
import type { Ask, TokenCount } from '../ask.js';
import { countedTexts } from './counted-texts.js';
import { CountTokensAsk } from './count-tokens-ask.js';

/** A larger body is not parsed, since that would delay all other requests: its bytes are counted. */
const PARSED_BYTES_MAX = 512 * 1024;
/** Marks of the beginning and the end of each text that a chat template adds. */
const MARK_TOKENS = 3;
/** The text that the provider adds where a request has tools: Anthropic's page on tool use has 290 to 800 tokens. */
const TOOLS_TOKENS = 346;

/** Counting takes some time for each text, however short it is: that of so many characters. */
const TEXT_LENGTH = 16;

/**
 * Counts the tokens of a request that no provider of its model counts: texts by the tokenizer of the model, if its
 * price entry names one, otherwise by the measure of answers; images and documents by their figures. Counts are free,
 * so none may delay other requests: texts are counted in pieces, with turns of the event loop between them.
 * @throws {Error} for a request that is no count
 */
export async function countHere(ask: Ask, { model, price }: Target): Promise<Buffer> {
  if (!(ask instanceof CountTokensAsk)) throw new Error('a count was asked of another request');
  const count = price.tokenizer === undefined ? measured : await tokenCount(price.tokenizer);
  return Buffer.from(JSON.stringify({ input_tokens: await tokensOf(ask, model, count) }));
}

async function tokensOf({ body, fields }: CountTokensAsk, model: string, count: TokenCount): Promise<number> {
  const texts = body.length > PARSED_BYTES_MAX ? null : countedTexts(body);
  if (texts === null) return estimateInputTokensInSteps(body, fields, nextTurn);
  let tokens = fields.toolPromptTokens > 0 ? TOOLS_TOKENS : 0;
  let untilTurn = PIECE_LENGTH;
  for (const text of texts) {
    tokens += MARK_TOKENS;
    for (const piece of piecesOf(text)) {
      tokens += count(piece);
      untilTurn -= piece.length + TEXT_LENGTH;
      if (untilTurn > 0) continue;
      await nextTurn();
      untilTurn = PIECE_LENGTH;
    }
  }
  for (const part of fields.media) tokens += tokensOfMedia(body, part, model);
  return tokens;
}

function measured(text: string): number {
  const meter = new TextMeter();
  meter.addText(text);
  return meter.tokens();
}

function tokensOfMedia(body: Buffer, part: MediaPart, model: string): number {
  const { data } = part;
  if (part.kind !== 'image') return data === null ? 0 : mediaTokens('file', body, data.start, data.end);
  const media = mediaOf(body, part);
  // An image whose size is not known, such as one at an address, has the usual figure.
  if (media.kind !== 'image' || media.size === null) return IMAGE_TOKENS;
  return imageRuleOf(model)?.(media.size, media.detail) ?? IMAGE_TOKENS;
}
