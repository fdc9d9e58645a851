import type { JsonObject, SentEvent } from '../dialect-codec.js';
import { parseObject } from '../fields.js';

type Fields = Record<string, unknown>;

/**
 * Adds the events of an Anthropic stream up to the message of a plain reply, as clients do: the input of a tool use is
 * built from its deltas alone. An Error names the first event that breaks the grammar of such streams.
 */
export function messageOf(events: readonly SentEvent[]): JsonObject {
  const message: Fields = {};
  const content: Fields[] = [];
  let open: Fields | null = null;
  let json = '';
  let state: 'fresh' | 'started' | 'stopped' | 'over' = 'fresh';
  for (const { event, data } of events) {
    const fields = data as Fields;
    const wrong = (why: string): Error => new Error(`${JSON.stringify(data)}: ${why}`);
    if (event !== fields['type']) throw wrong('the name of the event is not its type');
    if (state === 'over') throw wrong('it comes after the end');
    if (state === 'fresh' && event !== 'message_start') throw wrong('it comes before message_start');
    switch (event ?? '') {
      case 'message_start':
        if (state !== 'fresh') throw wrong('the message has started already');
        state = 'started';
        Object.assign(message, fields['message']);
        break;
      case 'content_block_start':
        if (open !== null || state === 'stopped') throw wrong('a block is open, or the message has stopped');
        if (fields['index'] !== content.length) throw wrong(`its index is not ${content.length}`);
        open = { ...(fields['content_block'] as Fields) };
        json = '';
        break;
      case 'content_block_delta':
        if (open === null || fields['index'] !== content.length) throw wrong('its block is not open');
        json += addDelta(open, fields['delta'] as Fields);
        break;
      case 'content_block_stop':
        if (open === null || fields['index'] !== content.length) throw wrong('its block is not open');
        if (open['type'] === 'tool_use') open['input'] = json === '' ? {} : (parseObject(json) ?? { input: json });
        content.push(open);
        open = null;
        break;
      case 'message_delta':
        if (open !== null) throw wrong('a block is open');
        state = 'stopped';
        Object.assign(message, fields['delta'], { usage: fields['usage'] });
        break;
      case 'message_stop':
        if (state !== 'stopped') throw wrong('it comes before message_delta');
        state = 'over';
        break;
      default:
        throw wrong('there is no such event');
    }
  }
  if (state !== 'over') throw new Error('the stream has no end');
  return { ...message, content };
}

/** Adds a delta to its block; gives JSON of an input back. */
function addDelta(block: Fields, delta: Fields): string {
  const at = `${String(block['type'])}: ${String(delta['type'])}`;
  switch (at) {
    case 'text: text_delta':
      block['text'] = `${String(block['text'])}${String(delta['text'])}`;
      return '';
    case 'text: citations_delta':
      block['citations'] = [...((block['citations'] as unknown[] | undefined) ?? []), delta['citation']];
      return '';
    case 'thinking: thinking_delta':
      block['thinking'] = `${String(block['thinking'])}${String(delta['thinking'])}`;
      return '';
    case 'thinking: signature_delta':
      block['signature'] = delta['signature'];
      return '';
    case 'tool_use: input_json_delta':
      return String(delta['partial_json']);
    default:
      throw new Error(`a block takes no such delta: ${at}`);
  }
}
