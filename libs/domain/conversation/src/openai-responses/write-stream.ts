import type { TokenUsage } from '@tollgate/usage';
import type { AnswerError, AnswerEvent, Finish, OpenedPart } from '../answer.js';
import type { JsonObject, ReplyContext, SentEvent, StreamEncoder } from '../dialect-codec.js';
import { unnamedError } from '../errors/read-error.js';
import {
  annotationsOf,
  itemId,
  summaryPart,
  wholeInput,
  writeContent,
  writeItem,
  writeNewItem,
  type ContentDraft,
  type ItemDraft,
  type ItemStatus,
} from './output-items.js';
import type { SealedThought } from '../conversation.js';
import { sealedCallId } from './call-seals.js';
import { endOf, writeResponse, type ResponseState } from './response-object.js';

type Draft<Kind extends ItemDraft['kind']> = Extract<ItemDraft, { kind: Kind }>;
type Call = Draft<'call'>;

/**
 * Writes the strict sequence of a Responses stream: each item and each part of it is added before its first delta and
 * done after its last one; events count without gaps; the terminal event has the whole output.
 *
 * The end of an item waits for the next item or for the end of the answer: text that follows text belongs to the same
 * message, and an answer that was cut short leaves its last item incomplete.
 */
export class ResponseStream implements StreamEncoder {
  private events: SentEvent[] = [];
  private sequence = 0;
  private state: 'fresh' | 'started' | 'over' = 'fresh';
  private model = '';
  private createdAt: number | null = null;
  private usage: TokenUsage | null = null;
  private end: ReturnType<typeof endOf> | null = null;
  private readonly output: JsonObject[] = [];
  private item: ItemDraft | null = null;
  private itemId = '';
  private hasRefusal = false;
  private hasCall = false;
  /**
   * The open thought, until it is an item: nothing of it has come yet (`new`), or the id of the next call is to keep it
   * (`kept`).
   */
  private thought: 'new' | 'kept' | null = null;
  /** What only the provider can read, for the id of the next call. */
  private seals: SealedThought[] = [];

  constructor(private readonly context: ReplyContext) {}

  take(event: AnswerEvent): readonly SentEvent[] {
    if (this.state === 'over') return [];
    this.events = [];
    this.write(event);
    return this.events;
  }

  private write(event: AnswerEvent): void {
    switch (event.type) {
      case 'start':
        this.model = event.model;
        this.createdAt = event.createdAt;
        return this.begin();
      case 'open':
        return this.open(event.part);
      case 'delta':
        return this.add(event.text);
      case 'citation':
        this.content()?.citations.push(event.citation);
        return;
      case 'seal':
        return this.seal(event.sealed);
      case 'close':
        return this.close();
      case 'usage':
        this.usage = event.usage;
        return;
      case 'finish':
        return this.finish(event.finish);
      case 'error':
        return this.fail(event.error);
      case 'end':
        return this.complete();
      default:
        return event satisfies never;
    }
  }

  private begin(): void {
    if (this.state !== 'fresh') return;
    this.state = 'started';
    const response = this.response({ status: 'in_progress', incompleteReason: null, error: null });
    this.send('response.created', { response });
    this.send('response.in_progress', { response });
  }

  private open(part: OpenedPart): void {
    this.begin();
    this.hasCall ||= part.kind === 'tool_call';
    this.hasRefusal ||= part.kind === 'refusal';
    this.thought = part.kind === 'thinking' ? 'new' : null;
    if (part.kind === 'thinking') return;
    if (part.kind === 'tool_call') {
      const callId = sealedCallId(part.id, this.seals);
      this.seals = [];
      return this.addItem({ ...part, kind: 'call', callId, input: '' });
    }
    if (this.item?.kind !== 'message') this.addItem({ kind: 'message', content: [] });
    const content: ContentDraft = { kind: part.kind, text: '', citations: [] };
    (this.item as Draft<'message'>).content.push(content);
    this.sendOfPart('response.content_part.added', { part: writeContent(content) });
  }

  private seal(sealed: SealedThought): void {
    if (this.thought === 'new' && sealed.maker === 'compatible') {
      this.thought = 'kept';
      this.seals.push(sealed);
      return;
    }
    this.beginThought();
    if (this.item?.kind === 'reasoning') this.item.sealed = sealed;
  }

  private beginThought(): void {
    if (this.thought !== 'new') return;
    this.thought = null;
    this.addItem({ kind: 'reasoning', text: '', sealed: null });
  }

  private addItem(item: ItemDraft): void {
    this.finishItem('completed');
    this.item = item;
    this.itemId = itemId(item, this.context.requestId, this.output.length);
    this.send('response.output_item.added', {
      output_index: this.output.length,
      item: writeNewItem(item, this.itemId),
    });
  }

  private add(text: string): void {
    if (text === '') return;
    this.beginThought();
    if (this.item === null) return;
    if (this.item.kind === 'message') return this.addText(text);
    if (this.item.kind === 'reasoning') return this.addThought(this.item, text);
    this.item.input += text;
    this.sendOfItem(`${eventsOf(this.item)}.delta`, { delta: text });
  }

  private addText(delta: string): void {
    const content = this.content();
    if (content === null) return;
    content.text += delta;
    if (content.kind === 'refusal') this.sendOfPart('response.refusal.delta', { delta });
    else this.sendOfPart('response.output_text.delta', { delta, logprobs: [] });
  }

  private addThought(item: Draft<'reasoning'>, delta: string): void {
    if (item.text === '') this.sendOfSummary('response.reasoning_summary_part.added', { part: summaryPart('') });
    item.text += delta;
    this.sendOfSummary('response.reasoning_summary_text.delta', { delta });
  }

  private close(): void {
    this.beginThought();
    if (this.thought === 'kept') return;
    if (this.item?.kind === 'message') this.closeContent();
    else if (this.item?.kind === 'reasoning') this.closeThought(this.item);
    else if (this.item?.kind === 'call') this.closeCall(this.item);
  }

  private closeContent(): void {
    const content = this.content();
    if (content === null) return;
    if (content.kind === 'refusal') this.sendOfPart('response.refusal.done', { refusal: content.text });
    else {
      for (const [index, annotation] of annotationsOf(content).entries())
        this.sendOfPart('response.output_text.annotation.added', { annotation_index: index, annotation });
      this.sendOfPart('response.output_text.done', { text: content.text, logprobs: [] });
    }
    this.sendOfPart('response.content_part.done', { part: writeContent(content) });
  }

  private closeThought({ text }: Draft<'reasoning'>): void {
    if (text === '') return;
    this.sendOfSummary('response.reasoning_summary_text.done', { text });
    this.sendOfSummary('response.reasoning_summary_part.done', { part: summaryPart(text) });
  }

  private closeCall(call: Call): void {
    if (call.input === '') this.add(wholeInput(call));
    const { custom, input } = call;
    this.sendOfItem(`${eventsOf(call)}.done`, custom ? { input } : { arguments: input });
  }

  private finish(finish: Finish): void {
    this.end = endOf(finish, this.hasRefusal && !this.hasCall);
    this.finishItem(this.end.status);
  }

  /** The status of the last item is that of the answer. */
  private finishItem(status: ItemStatus): void {
    if (this.item === null) return;
    const item = writeItem(this.item, this.itemId, status);
    this.send('response.output_item.done', { output_index: this.output.length, item });
    this.output.push(item);
    this.item = null;
  }

  private complete(): void {
    if (this.end === null) return this.fail(unnamedError('The answer ended before it was complete.'));
    this.send(`response.${this.end.status}`, { response: this.response({ ...this.end, error: null }) });
    this.state = 'over';
  }

  /** Codex reads the error inside the response. What is open stays open: nothing may look like a good end. */
  private fail(error: AnswerError): void {
    this.begin();
    if (this.item !== null) this.output.push(writeItem(this.item, this.itemId, 'incomplete'));
    const response = this.response({ status: 'failed', incompleteReason: null, error });
    this.send('response.failed', { response });
    this.state = 'over';
  }

  private response(state: Pick<ResponseState, 'status' | 'incompleteReason' | 'error'>): JsonObject {
    const { model, createdAt, usage } = this;
    return writeResponse({ model, createdAt, usage, output: [...this.output], ...state }, this.context);
  }

  private content(): ContentDraft | null {
    return this.item?.kind === 'message' ? (this.item.content.at(-1) ?? null) : null;
  }

  private sendOfPart(type: string, fields: JsonObject): void {
    const content_index = this.item?.kind === 'message' ? this.item.content.length - 1 : 0;
    this.sendOfItem(type, { content_index, ...fields });
  }

  private sendOfSummary(type: string, fields: JsonObject): void {
    this.sendOfItem(type, { summary_index: 0, ...fields });
  }

  private sendOfItem(type: string, fields: JsonObject): void {
    this.send(type, { item_id: this.itemId, output_index: this.output.length, ...fields });
  }

  private send(type: string, fields: JsonObject): void {
    this.events.push({ event: type, data: { type, sequence_number: this.sequence++, ...fields } });
  }
}

function eventsOf({ custom }: Call): string {
  return custom ? 'response.custom_tool_call_input' : 'response.function_call_arguments';
}
