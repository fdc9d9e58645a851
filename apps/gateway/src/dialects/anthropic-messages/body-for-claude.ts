import { FOREIGN_SEAL, isForeignThought } from '@tollgate/conversation';
import { COMMA, isEmptyAt, OPEN_BRACKET, skipSpace, skipValue, type Span } from '../../json-scan/json-tokens.js';
import { topLevelField } from '../../json-scan/last-field.js';
import { valueAt } from '../../json-scan/values.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { modelSplice, splice, withoutFields, type Splice } from '../openai/splice.js';
import type { MessagesFields } from './messages-fields.js';

const CONTENT = Buffer.from('"content"');

/**
 * The caller's own bytes with the target's model, and without the fields that no provider is sent. Thoughts of other
 * makers' models, which the gateway has marked, are left out, since Claude refuses their signatures: a client that
 * changes models in the middle of a conversation sends them back to all.
 */
export function bodyForClaude(
  body: Buffer,
  named: string,
  { model, provider }: Pick<Target, 'model' | 'provider'>,
  { model: span, messages, omitted }: Pick<MessagesFields, 'model' | 'messages' | 'omitted'>,
): Buffer {
  const splices: Splice[] = [...withoutFields(body, omitted, provider)];
  modelSplice(named, model, span, splices);
  if (messages !== null && body[messages.start] === OPEN_BRACKET && body.includes(FOREIGN_SEAL))
    splices.push({ ...messages, text: listOf(itemsAt(body, messages.start).flatMap((each) => ownText(body, each))) });
  return splice(body, splices);
}

/** A message without thoughts of other makers; none if it has nothing else. */
function ownText(body: Buffer, message: Span): readonly string[] {
  const bytes = body.subarray(message.start, message.end);
  const content = bytes.includes(FOREIGN_SEAL) ? topLevelField(bytes, CONTENT) : undefined;
  if (content === undefined || bytes[content.start] !== OPEN_BRACKET) return [bytes.toString()];
  const blocks = itemsAt(bytes, content.start);
  const own = blocks.filter((block) => !isForeign(bytes, block));
  if (own.length === blocks.length) return [bytes.toString()];
  const texts = own.map(({ start, end }) => bytes.toString('utf8', start, end));
  return own.length === 0 ? [] : [splice(bytes, [{ ...content, text: listOf(texts) }]).toString()];
}

/** A block with an escape that JSON does not know is Claude's to refuse. */
function isForeign(bytes: Buffer, block: Span): boolean {
  return bytes.subarray(block.start, block.end).includes(FOREIGN_SEAL) && isForeignThought(valueAt(bytes, block));
}

/** The items of the list that opens here. The scan has checked its grammar. */
function itemsAt(bytes: Buffer, open: number): readonly Span[] {
  const items: Span[] = [];
  if (isEmptyAt(bytes, open)) return items;
  for (let start = skipSpace(bytes, open + 1); ;) {
    const end = skipValue(bytes, start);
    if (end < 0) return items;
    items.push({ start, end });
    const next = skipSpace(bytes, end);
    if (bytes[next] !== COMMA) return items;
    start = skipSpace(bytes, next + 1);
  }
}

const listOf = (texts: readonly string[]): string => `[${texts.join(',')}]`;
