import type { JsonObject, SentEvent } from '../dialect-codec.js';
import { fieldsOf, itemsOf } from '../fields.js';

type Fields = Record<string, unknown>;

/**
 * Adds the events of a Responses stream up as OpenAI's clients do, and holds them to the strict order on the way: an
 * Error names the first event that breaks it. Returns the response of the terminal event, whose output must be what was
 * added up.
 */
export function responseOf(sent: readonly SentEvent[]): JsonObject {
  const stream = new StrictStream();
  sent.forEach(({ event, data }, at) => {
    const wrong = data === '[DONE]' ? 'the dialect has no such end' : stream.take(event, data, at);
    if (wrong !== null) throw new Error(`event ${at} ${JSON.stringify(data)}: ${wrong}\n${JSON.stringify(sent)}`);
  });
  if (stream.terminal === null) throw new Error('the stream has no terminal event');
  return stream.terminal;
}

class StrictStream {
  terminal: JsonObject | null = null;
  private responseId: unknown = null;
  private readonly output: Fields[] = [];
  private item: Fields | null = null;
  private part: Fields | null = null;
  private partDone = true;

  take(name: string | null, data: JsonObject, at: number): string | null {
    const type = String(data['type']);
    if (name !== type) return 'its name is not its type';
    if (data['sequence_number'] !== at) return `its sequence number is not ${at}`;
    if (this.terminal !== null) return 'it comes after the terminal event';
    if (at === 0 && type !== 'response.created') return 'the stream has not been created';
    if (at === 1 && type !== 'response.in_progress' && type !== 'response.failed')
      return 'the stream is not in progress';
    if (data['response'] !== undefined) return this.takeResponse(type, fieldsOf(data['response']));
    if (data['output_index'] !== this.output.length) return `its output index is not ${this.output.length}`;
    if (type === 'response.output_item.added') return this.addItem(fieldsOf(data['item']));
    if (this.item === null) return 'no item is open';
    if (type === 'response.output_item.done') return this.finishItem(fieldsOf(data['item']));
    if (data['item_id'] !== this.item['id']) return 'it is about another item';
    return this.takePart(type, data, this.item);
  }

  private takeResponse(type: string, response: JsonObject): string | null {
    this.responseId ??= response['id'];
    if (response['id'] !== this.responseId) return 'the response has another id';
    const status = type.slice('response.'.length);
    if (status === 'created' || status === 'in_progress')
      return response['status'] === 'in_progress' && itemsOf(response['output']).length === 0
        ? null
        : 'it says too much';
    if (response['status'] !== status) return 'its status is another';
    this.terminal = response;
    if (status === 'failed') return response['error'] === null ? 'it has no error' : null;
    if (this.item !== null) return 'an item is open';
    return same(response['output'], this.output) ? null : `its output is not ${JSON.stringify(this.output)}`;
  }

  private addItem(item: JsonObject): string | null {
    if (this.item !== null) return 'another item is open';
    if (item['status'] !== 'in_progress') return 'the item is not in progress';
    this.item = structuredClone(item) as Fields;
    this.part = null;
    return null;
  }

  private finishItem(item: JsonObject): string | null {
    if (!this.partDone) return 'a part is open';
    const { status, encrypted_content: sealed } = item;
    if (status !== 'completed' && status !== 'incomplete') return 'the item has no end';
    const seal = sealed === undefined ? {} : { encrypted_content: sealed };
    const sum = { ...this.item, ...seal, status };
    if (!same(item, sum)) return `the item is not ${JSON.stringify(sum)}`;
    this.output.push(sum);
    this.item = null;
    return null;
  }

  private takePart(type: string, data: JsonObject, item: Fields): string | null {
    const [, what = '', how = ''] = /^response\.(.*)\.(added|delta|done)$/.exec(type) ?? [];
    if (what === 'content_part' || what === 'reasoning_summary_part') return this.frame(how, data, item);
    const field = FIELDS[what];
    if (field === undefined) return 'the event is unknown';
    const holder = what.includes('call') ? item : this.part;
    if (holder === null) return 'no part is open';
    if (holder !== item && this.index(item) !== (data['content_index'] ?? data['summary_index']))
      return 'its index is wrong';
    if (what === 'output_text.annotation') {
      (holder['annotations'] as unknown[]).push(data['annotation']);
      return null;
    }
    if (how === 'done') return data[field] === holder[field] ? null : 'it does not say what the deltas said';
    if (data['delta'] === '') return 'the delta is empty';
    holder[field] = String(holder[field]) + String(data['delta']);
    return null;
  }

  private frame(how: string, data: JsonObject, item: Fields): string | null {
    const list = (item['type'] === 'message' ? item['content'] : item['summary']) as unknown[];
    if (how === 'added') {
      if (!this.partDone) return 'another part is open';
      this.part = structuredClone(data['part']) as Fields;
      list.push(this.part);
      this.partDone = false;
    } else {
      if (this.partDone) return 'no part is open';
      if (!same(data['part'], this.part)) return `the part is not ${JSON.stringify(this.part)}`;
      this.partDone = true;
    }
    return (data['content_index'] ?? data['summary_index']) === list.length - 1 ? null : 'its index is wrong';
  }

  private index(item: Fields): number {
    return itemsOf(item['type'] === 'message' ? item['content'] : item['summary']).length - 1;
  }
}

/** The field to which the deltas of an event are added. */
const FIELDS: Readonly<Record<string, string>> = {
  output_text: 'text',
  'output_text.annotation': 'annotations',
  refusal: 'refusal',
  reasoning_summary_text: 'text',
  function_call_arguments: 'arguments',
  custom_tool_call_input: 'input',
};

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => [key, sorted(field)]),
  );
}
