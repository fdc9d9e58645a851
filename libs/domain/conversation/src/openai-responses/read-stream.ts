import { reportIn } from '@tollgate/usage';
import type { AnswerEvent } from '../answer.js';
import type { JsonObject, NameMap, StreamDecoder } from '../dialect-codec.js';
import { readError } from '../errors/read-error.js';
import { fieldsOf, isObject, itemsOf, numberOf, textOf } from '../fields.js';
import { PartOrder } from '../part-order.js';
import { usageOf } from '../usage-of.js';
import { sealOf, thoughtOf } from './read-items.js';
import { readAnnotation, readEnd } from './read-output.js';
import { callOf, isCall } from './read-reply.js';
import { sealedFor } from './sealed-thoughts.js';

const FAILED = 'The provider could not complete its answer.';

type Take = (stream: ResponseDecoder, data: JsonObject) => readonly AnswerEvent[];

/** What the decoder knows of an item of the output. */
interface Item {
  readonly key: string;
  id: string | null;
  kind: Kind | null;
  callId: string;
  /** The text that each part has had so far, by the key of the part. */
  readonly received: Map<string, string>;
  /** Whether it is a call whose name has come. */
  opened: boolean;
  /** The part of a thought that came last: several parts of a summary are one text. */
  thought: ThoughtPart | null;
  hasCitations: boolean;
  done: boolean;
}

type Kind = 'message' | 'reasoning' | 'call' | 'other';
interface ThoughtPart {
  readonly list: 'summary' | 'content';
  readonly index: unknown;
}

/**
 * Reads the stream of a provider that speaks Responses. It believes what is there and asks for nothing else: an item
 * may come without its `added` events, its text in deltas, in its `done` event, or only in the last event of all.
 */
export class ResponseDecoder implements StreamDecoder {
  private readonly order: PartOrder;
  private readonly items = new Map<string, Item>();
  /** The keys of items, by the id that the provider gave them. */
  private readonly keys = new Map<string, string>();
  private isOver = false;
  private current: Item | null = null;
  private hasRefusal = false;
  private hasCall = false;

  constructor(private readonly names: NameMap) {
    this.order = new PartOrder(names);
  }

  take(event: string | null, data: JsonObject): readonly AnswerEvent[] {
    if (this.isOver) return [];
    return EVENTS.get(textOf(data['type']) ?? event ?? '')?.(this, data) ?? [];
  }

  end(): readonly AnswerEvent[] {
    return this.order.end();
  }

  start(data: JsonObject): readonly AnswerEvent[] {
    const response = fieldsOf(data['response']);
    return this.order.start(
      textOf(response['id']) ?? '',
      textOf(response['model']) ?? '',
      numberOf(response['created_at']),
    );
  }

  addItem(data: JsonObject): readonly AnswerEvent[] {
    const value = fieldsOf(data['item']);
    const item = this.itemOf(data, value);
    // A name that is missing here comes with the whole item.
    return isCall(value) && callOf(value).name !== '' ? this.openCall(item, value) : [];
  }

  /** More of a part, told by its kind and its place in its item. */
  addDelta(data: JsonObject, kind: 'text' | 'refusal'): readonly AnswerEvent[] {
    const item = this.itemOf(data, {}, 'message');
    return this.addText(item, contentKey(item, data['content_index']), kind, textOf(data['delta']) ?? '');
  }

  /** The whole text of a part: what of it has not come yet. */
  finishText(data: JsonObject, kind: 'text' | 'refusal', text: string): readonly AnswerEvent[] {
    const item = this.itemOf(data, {}, 'message');
    const key = contentKey(item, data['content_index']);
    return this.addText(item, key, kind, this.missing(item, key, text));
  }

  /** More of a thought. If a provider sends both its text and a summary, the one that came first counts. */
  addThought(data: JsonObject, part: ThoughtPart): readonly AnswerEvent[] {
    const item = this.itemOf(data, {}, 'reasoning');
    const text = textOf(data['delta']);
    const last = item.thought ?? part;
    if (text === null || last.list !== part.list) return [];
    item.thought = part;
    return this.addText(item, item.key, 'thinking', last.index === part.index ? text : `\n\n${text}`);
  }

  addInput(data: JsonObject): readonly AnswerEvent[] {
    return this.addCallInput(this.itemOf(data, {}, 'call'), textOf(data['delta']) ?? '');
  }

  finishInput(data: JsonObject, input: unknown): readonly AnswerEvent[] {
    const item = this.itemOf(data, {}, 'call');
    return this.addCallInput(item, this.missing(item, item.key, textOf(input) ?? ''));
  }

  addCitation(data: JsonObject): readonly AnswerEvent[] {
    const item = this.itemOf(data, {}, 'message');
    if (!isObject(data['annotation'])) return [];
    item.hasCitations = true;
    return this.order.citation(contentKey(item, data['content_index']), readAnnotation(data['annotation']));
  }

  finishPart(data: JsonObject): readonly AnswerEvent[] {
    const item = this.itemOf(data, {}, null);
    return item.kind === 'message' ? this.order.close(contentKey(item, data['content_index'])) : [];
  }

  finishItem(data: JsonObject): readonly AnswerEvent[] {
    const value = fieldsOf(data['item']);
    return this.finishWhole(this.itemOf(data, value), value);
  }

  /** The terminal event: it may say what no event before it said. */
  finish(data: JsonObject): readonly AnswerEvent[] {
    this.isOver = true;
    const response = fieldsOf(data['response']);
    const events = this.start(data);
    const seen = new Set([...this.items.values()].map(({ kind, callId }) => signOf(kind, callId)));
    const last = itemsOf(response['output'])
      .filter(isObject)
      .flatMap((value) => {
        const item = this.itemInOutput(value, seen);
        return item === null ? [] : this.finishWhole(item, value);
      });
    this.order.finish(readEnd(response, this.hasRefusal && !this.hasCall));
    return [...events, ...last, ...this.reportOf(response), ...this.order.end()];
  }

  fail(data: JsonObject): readonly AnswerEvent[] {
    this.isOver = true;
    return [...this.reportOf(fieldsOf(data['response'])), ...this.order.error(readError(data, FAILED).error)];
  }

  private reportOf(response: JsonObject): readonly AnswerEvent[] {
    const usage = usageOf(reportIn(response));
    return usage === null ? [] : this.order.usage(usage);
  }

  /** The item that an event is about, by its place in the output, else by its id, else the one before. */
  private itemOf(data: JsonObject, value: JsonObject, kind: Item['kind'] = null): Item {
    const index = numberOf(data['output_index']);
    const id = textOf(value['id']) ?? textOf(data['item_id']);
    const key = index !== null ? String(index) : id === null ? (this.current?.key ?? '0') : (this.keys.get(id) ?? id);
    const item = this.items.get(key) ?? newItem(key);
    this.items.set(key, item);
    item.id ??= id;
    if (id !== null && !this.keys.has(id)) this.keys.set(id, key);
    item.kind ??= kind ?? kindOf(value);
    this.current = item;
    return item;
  }

  /**
   * The item that an entry of the whole output is about; null if all of it has come. An entry without a known id counts
   * if nothing of its kind has come, so that the same text does not come twice. `seen` are the signs of what has come.
   */
  private itemInOutput(value: JsonObject, seen: ReadonlySet<string>): Item | null {
    const known = this.items.get(this.keys.get(textOf(value['id']) ?? '') ?? '');
    if (known !== undefined) return known;
    const isSame = seen.has(signOf(kindOf(value), callOf(value).id));
    return isSame ? null : this.itemOf({ item_id: `output ${this.items.size}` }, value);
  }

  private openCall(item: Item, value: JsonObject): readonly AnswerEvent[] {
    item.kind = 'call';
    this.hasCall = true;
    item.callId = callOf(value).id;
    item.opened = true;
    return this.order.call(item.key, callOf(value));
  }

  private finishWhole(item: Item, value: JsonObject): readonly AnswerEvent[] {
    if (item.done) return [];
    item.done = true;
    if (isCall(value)) return this.finishCall(item, value);
    if (value['type'] === 'reasoning') return this.finishThought(item, value);
    return value['type'] === 'message' ? this.finishMessage(item, value) : [];
  }

  private finishCall(item: Item, value: JsonObject): readonly AnswerEvent[] {
    return [
      ...this.openCall(item, value),
      ...this.addCallInput(item, this.missing(item, item.key, callOf(value).input)),
      ...this.order.close(item.key),
    ];
  }

  private finishThought(item: Item, value: JsonObject): readonly AnswerEvent[] {
    const sealed = sealedFor(this.names.seal, sealOf(value));
    return [
      ...this.addText(item, item.key, 'thinking', this.missing(item, item.key, thoughtOf(value))),
      ...(sealed === null ? [] : this.order.seal(item.key, sealed)),
      ...this.order.close(item.key),
    ];
  }

  private finishMessage(item: Item, value: JsonObject): readonly AnswerEvent[] {
    const { hasCitations } = item;
    return itemsOf(value['content']).flatMap((content, index) => {
      const part = fieldsOf(content);
      const kind = part['type'] === 'refusal' ? 'refusal' : 'text';
      const key = contentKey(item, index);
      const rest = this.missing(item, key, textOf(part[kind === 'refusal' ? 'refusal' : 'text']) ?? '');
      const annotations = hasCitations ? [] : itemsOf(part['annotations']).filter(isObject);
      return [
        ...this.addText(item, key, kind, rest),
        ...annotations.flatMap((annotation) => this.order.citation(key, readAnnotation(annotation))),
        ...this.order.close(key),
      ];
    });
  }

  private addText(item: Item, key: string, kind: 'text' | 'refusal' | 'thinking', text: string): AnswerEvent[] {
    this.note(item, key, text);
    this.hasRefusal ||= kind === 'refusal' && text !== '';
    return this.order.text(key, kind, text);
  }

  /** Input whose call is not known yet is dropped: the item that names the call has all of it. */
  private addCallInput(item: Item, text: string): AnswerEvent[] {
    if (!item.opened) return [];
    this.note(item, item.key, text);
    return this.order.input(item.key, text);
  }

  private note(item: Item, key: string, text: string): void {
    item.received.set(key, (item.received.get(key) ?? '') + text);
  }

  /** What of a whole text has not come in deltas. Nothing if the deltas said something else. */
  private missing(item: Item, key: string, whole: string): string {
    const received = item.received.get(key) ?? '';
    return whole.startsWith(received) ? whole.slice(received.length) : '';
  }
}

function newItem(key: string): Item {
  return {
    key,
    id: null,
    kind: null,
    callId: '',
    received: new Map(),
    opened: false,
    thought: null,
    hasCitations: false,
    done: false,
  };
}

function kindOf(value: JsonObject): Kind | null {
  const type = textOf(value['type']);
  if (type === null) return null;
  if (isCall(value)) return 'call';
  return type === 'message' || type === 'reasoning' ? type : 'other';
}

/** What two items have in common if nothing tells them apart: their kind and, of calls, the id. */
function signOf(kind: Kind | null, callId: string): string {
  return kind === 'call' ? `call ${callId}` : String(kind);
}

function contentKey(item: Item, index: unknown): string {
  return `${item.key} ${numberOf(index) ?? 0}`;
}

const START: Take = (stream, data) => stream.start(data);
const FINISH: Take = (stream, data) => stream.finish(data);
const FAIL: Take = (stream, data) => stream.fail(data);

/** What each event says. Any other is skipped: what tools of OpenAI do, and what is yet to come. */
const EVENTS: ReadonlyMap<string, Take> = new Map<string, Take>([
  ['response.created', START],
  ['response.in_progress', START],
  ['response.queued', START],
  ['response.output_item.added', (stream, data) => stream.addItem(data)],
  ['response.output_item.done', (stream, data) => stream.finishItem(data)],
  ['response.content_part.done', (stream, data) => stream.finishPart(data)],
  ['response.output_text.delta', (stream, data) => stream.addDelta(data, 'text')],
  ['response.output_text.done', (stream, data) => stream.finishText(data, 'text', textOf(data['text']) ?? '')],
  ['response.output_text.annotation.added', (stream, data) => stream.addCitation(data)],
  ['response.refusal.delta', (stream, data) => stream.addDelta(data, 'refusal')],
  ['response.refusal.done', (stream, data) => stream.finishText(data, 'refusal', textOf(data['refusal']) ?? '')],
  ['response.function_call_arguments.delta', (stream, data) => stream.addInput(data)],
  ['response.function_call_arguments.done', (stream, data) => stream.finishInput(data, data['arguments'])],
  ['response.custom_tool_call_input.delta', (stream, data) => stream.addInput(data)],
  ['response.custom_tool_call_input.done', (stream, data) => stream.finishInput(data, data['input'])],
  [
    'response.reasoning_summary_text.delta',
    (stream, data) => stream.addThought(data, { list: 'summary', index: data['summary_index'] }),
  ],
  [
    'response.reasoning_text.delta',
    (stream, data) => stream.addThought(data, { list: 'content', index: data['content_index'] }),
  ],
  ['response.completed', FINISH],
  ['response.incomplete', FINISH],
  ['response.failed', FAIL],
  ['response.cancelled', FAIL],
  ['error', FAIL],
]);
