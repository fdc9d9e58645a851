import { mergeReports, reportIn, type UsageReport } from '@tollgate/usage';
import type { AnswerError, AnswerEvent } from '../answer.js';
import type { ThinkingPart } from '../conversation.js';
import type { JsonObject, NameMap, StreamDecoder } from '../dialect-codec.js';
import { readError } from '../errors/read-error.js';
import { CUT_CALL, FAILED, isFailure } from '../failures.js';
import { fieldsOf, isObject, itemsOf, numberOf, textOf } from '../fields.js';
import { PartOrder } from '../part-order.js';
import { usageOf } from '../usage-of.js';
import { CallDeltas } from './call-deltas.js';
import { readCitations } from './citations.js';
import { readFinish, wasCut, type ReadFinish } from './finish-reasons.js';
import { contentPieces, type ContentPiece } from './read-reply.js';
import { DetailRuns, readBlock, thoughtText } from './read-thoughts.js';
import { MessageFields, sealedFields } from './sealed-fields.js';

/** Reads the chunks of a stream of chat. */
export function readStream(names: NameMap): StreamDecoder {
  return new ChatDecoder(names);
}

/** Streams have hundreds of chunks with one short text each: what such a chunk does not have costs nothing here. */
class ChatDecoder implements StreamDecoder {
  private readonly order: PartOrder;
  private readonly calls: CallDeltas;
  private report: UsageReport | null = null;
  private events: AnswerEvent[] = [];
  /** The kind of text that came last, and is open or waits. */
  private said: ContentPiece['kind'] | null = null;
  /** Whether thoughts have come as texts. */
  private toldThoughts = false;
  /** Whether thoughts have come as blocks. */
  private hasBlocks = false;
  private readonly details = new DetailRuns();
  private told: ReadFinish | null = null;
  /** What only the provider can read of the message. */
  private readonly fields = new MessageFields();

  constructor(private readonly names: NameMap) {
    this.order = new PartOrder(names);
    this.calls = new CallDeltas(this.order, names.seal);
  }

  take(_event: string | null, chunk: JsonObject): readonly AnswerEvent[] {
    const error = errorIn(chunk);
    if (error !== null) return this.order.error(error);
    this.events = [];
    if (Array.isArray(chunk['choices'])) {
      this.start(chunk, chunk['choices'].length > 0);
      for (const choice of chunk['choices']) this.choice(fieldsOf(choice));
    }
    this.usage(chunk);
    return this.events;
  }

  /**
   * Some servers end by `[DONE]` and never say why. Then the answer is whole if something was said and no call was cut
   * in the middle of its input.
   */
  end(done = false): readonly AnswerEvent[] {
    const last = this.calls.end(wasCut(this.told));
    if (this.told?.isKnown === false && !this.calls.areWhole) return [...last, ...this.order.error(CUT_CALL)];
    if (done && this.order.hasParts && this.calls.areWhole) this.order.finish({ reason: 'stop', stopSequence: null });
    return [...last, ...this.closeText(), ...this.sealMessage(), ...this.order.end()];
  }

  /**
   * The first chunk says which answer it is of. Azure sends one before it, on the filters of the prompt, that has
   * neither a choice nor a model.
   */
  private start(chunk: JsonObject, hasChoice: boolean): void {
    if (this.order.hasStarted || !(hasChoice || textOf(chunk['model']) !== null)) return;
    this.add(this.order.start(textOf(chunk['id']) ?? '', textOf(chunk['model']) ?? '', numberOf(chunk['created'])));
  }

  private choice(choice: JsonObject): void {
    const index = choice['index'];
    if (index !== undefined && index !== null && index !== 0) return;
    this.delta(fieldsOf(isObject(choice['delta']) ? choice['delta'] : choice['message']));
    const finish = readFinish(choice['finish_reason']);
    if (finish === null) return;
    this.told ??= finish;
    this.order.finish({ reason: finish.reason, stopSequence: null });
  }

  private delta(delta: JsonObject): void {
    this.thoughts(delta);
    this.content(delta['content']);
    this.say('refusal', delta['refusal']);
    if (isObject(delta['function_call'])) this.call({ index: 0, function: delta['function_call'] });
    if (this.names.seal !== undefined) this.fields.take(delta);
    for (const item of itemsOf(delta['tool_calls'])) this.call(item);
    for (const citation of readCitations(delta['annotations'])) this.add(this.order.citation('text', citation));
  }

  private content(content: unknown): void {
    if (typeof content === 'string') this.say('text', content);
    else for (const { kind, text } of contentPieces(content)) this.say(kind, text);
  }

  /** Thoughts are told as texts, as blocks or details with seals, or as several of these, which have the same text. */
  private thoughts(delta: JsonObject): void {
    const told = thoughtText(delta);
    this.toldThoughts ||= told !== '';
    const blocks = itemsOf(delta['thinking_blocks']).flatMap(readBlock);
    this.hasBlocks ||= blocks.length > 0;
    const details = this.hasBlocks ? [] : this.details.take(delta['reasoning_details']);
    const isOfDetail = details[0]?.isOfText === true;
    if (isOfDetail && details[0]?.begins === true) this.add(this.order.close('thinking'));
    this.say('thinking', told);
    for (const block of blocks) this.thought(block);
    for (const [at, detail] of details.entries()) {
      if (detail.begins && !(at === 0 && isOfDetail)) this.add(this.order.close('thinking'));
      this.thought(detail);
    }
  }

  private thought({ text, sealed }: Pick<ThinkingPart, 'text' | 'sealed'>): void {
    if (!this.toldThoughts) this.say('thinking', text);
    if (sealed === null) return;
    this.add(this.order.seal('thinking', sealed));
    this.add(this.order.close('thinking'));
  }

  /** More of a text. What was said in another kind is over, as in plain replies, and so are calls that are whole. */
  private say(kind: ContentPiece['kind'], text: unknown): void {
    if (typeof text !== 'string' || text === '') return;
    if (this.said !== kind) {
      this.add(this.closeText());
      this.add(this.calls.closeWhole());
      this.said = kind;
    }
    this.add(this.order.text(kind, kind, text));
  }

  private call(item: unknown): void {
    this.add(this.closeText());
    this.add(this.sealMessage());
    this.add(this.calls.take(item));
  }

  private closeText(): readonly AnswerEvent[] {
    const { said } = this;
    this.said = null;
    return said === null ? NOTHING : this.order.close(said);
  }

  /** After the texts, what only the provider can read of the message. */
  private sealMessage(): readonly AnswerEvent[] {
    const sealed = sealedFields(this.fields.next(), 'message', this.names.seal);
    return sealed === null ? NOTHING : [...this.order.seal('seal', sealed), ...this.order.close('seal')];
  }

  private usage(chunk: JsonObject): void {
    const report = mayReport(chunk) ? reportIn(chunk) : null;
    if (report === null) return;
    this.report = mergeReports(this.report, report);
    const usage = usageOf(this.report);
    if (usage !== null) this.add(this.order.usage(usage));
  }

  private add(events: readonly AnswerEvent[]): void {
    for (const event of events) this.events.push(event);
  }
}

const NOTHING: readonly AnswerEvent[] = [];

/** Whether usage stands anywhere in a chunk: in most of them it does not. */
function mayReport({ usage, x_groq: groq, choices }: JsonObject): boolean {
  if (isObject(usage) || isObject(groq)) return true;
  return Array.isArray(choices) && choices.some((choice) => isObject(fieldsOf(choice)['usage']));
}

/** An error in the middle of a stream: `error` as an object or a text, vLLM's flat form, or a choice that failed. */
function errorIn(chunk: JsonObject): AnswerError | null {
  const { error, choices } = chunk;
  if ((typeof error === 'string' && error !== '') || hasFields(error) || chunk['object'] === 'error')
    return readError(chunk, FAILED.message).error;
  const failed = Array.isArray(choices) && choices.some((choice) => isFailure(fieldsOf(choice)['finish_reason']));
  return failed ? FAILED : null;
}

/** Some servers send an empty `error` with each chunk. */
function hasFields(error: unknown): boolean {
  return isObject(error) && Object.keys(error).length > 0;
}
