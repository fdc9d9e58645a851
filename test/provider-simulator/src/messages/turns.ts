import { isObject } from '../body-object.js';
import { BadRequest } from '../checked-body.js';
import type { Memory } from '../memory.js';

type Fields = Record<string, unknown>;

const ID = /^[a-zA-Z0-9_-]+$/;
const IMAGES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

/**
 * Holds the turns of a conversation to what Anthropic asks of them, and returns them: all results of calls stand first
 * in the turn after them, texts are not empty, thoughts bear the signature of who made them.
 */
export function checkTurns(given: unknown, memory: Memory): readonly Fields[] {
  if (!Array.isArray(given) || given.length === 0) throw new BadRequest('messages: at least one message is required');
  const messages = given.map((message, i) => {
    if (!isObject(message)) throw new BadRequest(`messages.${i}: Input should be an object`);
    return message;
  });
  let waiting = new Set<string>();
  for (const [i, message] of messages.entries()) {
    const { role } = message;
    if (role !== 'user' && role !== 'assistant' && !(role === 'system' && i > 0))
      throw new BadRequest(`messages.${i}.role: Input should be 'user' or 'assistant'`);
    const parts = partsOf(message['content'], i);
    for (const [k, part] of parts.entries()) checkPart(part, `messages.${i}.content.${k}`, memory);
    checkResults(role === 'user' ? parts : [], waiting, i);
    waiting = new Set(role === 'assistant' ? parts.flatMap(callIn) : []);
  }
  if (waiting.size > 0) throw unanswered(messages.length - 1, waiting);
  return messages;
}

function partsOf(content: unknown, i: number): readonly Fields[] {
  if (typeof content === 'string') {
    if (content === '') throw new BadRequest(`messages.${i}: all messages must have non-empty content`);
    return [{ type: 'text', text: content }];
  }
  if (!Array.isArray(content) || !content.every(isObject))
    throw new BadRequest(`messages.${i}.content: Input should be a valid list`);
  return content;
}

function callIn(part: Fields): string[] {
  return part['type'] === 'tool_use' ? [String(part['id'])] : [];
}

function checkPart(part: Fields, at: string, memory: Memory): void {
  switch (part['type']) {
    case 'text':
      if (typeof part['text'] !== 'string' || part['text'] === '')
        throw new BadRequest(`${at}.text: text content blocks must be non-empty`);
      return;
    case 'image':
      return checkImage(part['source'], at);
    case 'tool_use':
      if (!ID.test(String(part['id'])))
        throw new BadRequest(`${at}.tool_use.id: String should match pattern '${ID.source}'`);
      if (!isObject(part['input'])) throw new BadRequest(`${at}.tool_use.input: Input should be an object`);
      return;
    case 'tool_result':
      if (!ID.test(String(part['tool_use_id'])))
        throw new BadRequest(`${at}.tool_result.tool_use_id: String should match pattern '${ID.source}'`);
      return;
    case 'thinking':
      if (!memory.knows(part['signature'])) throw new BadRequest(`${at}: Invalid \`signature\` in \`thinking\` block`);
      return;
    case 'tool_addition':
    case 'tool_removal':
    case 'document':
    case 'redacted_thinking':
    case 'search_result':
    case 'server_tool_use':
    case 'web_search_tool_result':
      return;
    default:
      throw new BadRequest(`${at}: Input tag '${String(part['type'])}' does not match any of the expected tags`);
  }
}

function checkImage(source: unknown, at: string): void {
  const { type, media_type: mediaType } = isObject(source) ? source : {};
  if (type === 'url' || type === 'file') return;
  if (type !== 'base64' || !IMAGES.has(String(mediaType)))
    throw new BadRequest(`${at}.image.source.base64.media_type: Input should be one of ${[...IMAGES].join(', ')}`);
}

/** All calls are answered in the next turn, before anything else in it. */
function checkResults(parts: readonly Fields[], waiting: ReadonlySet<string>, i: number): void {
  const left = new Set(waiting);
  let leads = true;
  for (const [k, part] of parts.entries()) {
    if (part['type'] !== 'tool_result') {
      leads = false;
      continue;
    }
    if (!left.delete(String(part['tool_use_id'])) || !leads)
      throw new BadRequest(
        `messages.${i}.content.${k}: unexpected \`tool_use_id\` found in \`tool_result\` blocks. Each \`tool_result\` ` +
          'block must have a corresponding `tool_use` block in the previous message.',
      );
  }
  if (left.size > 0) throw unanswered(i - 1, left);
}

function unanswered(i: number, ids: ReadonlySet<string>): BadRequest {
  return new BadRequest(
    `messages.${i}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${[...ids].join(', ')}`,
  );
}
