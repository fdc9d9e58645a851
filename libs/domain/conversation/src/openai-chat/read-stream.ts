import { mergeReports, reportIn, type UsageReport } from '@tollgate/usage';
import type { AnswerEvent, StreamError } from '../answer.js';
import type { JsonObject, NameMap, StreamDecoder } from '../dialect-codec.js';
import { fieldsOf, isObject, itemsOf, numberOf, textOf } from '../fields.js';
import { PartOrder } from '../part-order.js';
import { usageOf } from '../usage-of.js';
import { CallDeltas } from './call-deltas.js';
import { readCitations } from './citations.js';
import { isFailure, readFinish } from './finish-reasons.js';
import { contentPieces, type ContentPiece } from './read-reply.js';
import { readBlock, thoughtText } from './read-thoughts.js';

/** Reads the chunks of a stream of chat. */
export function readStream(names: NameMap): StreamDecoder {
  return new ChatDecoder(names);
}

class ChatDecoder implements StreamDecoder {
  private readonly order: PartOrder;
  private readonly calls: CallDeltas;
  private report: UsageReport | null = null;
  /** Whether thoughts have come as texts. */
  private toldThoughts = false;

  constructor(names: NameMap) {
    this.order = new PartOrder(names);
    this.calls = new CallDeltas(this.order);
  }

  take(_event: string | null, chunk: JsonObject): readonly AnswerEvent[] {
    const error = errorIn(chunk);
    if (error !== null) return this.order.error(error);
    return [...this.start(chunk), ...this.choices(chunk), ...this.usage(chunk)];
  }

  end(): readonly AnswerEvent[] {
    return [...this.calls.end(), ...this.order.end()];
  }

  /** The first chunk that says which answer it is of. */
  private start(chunk: JsonObject): readonly AnswerEvent[] {
    if (!Array.isArray(chunk['choices'])) return [];
    return this.order.start(textOf(chunk['id']) ?? '', textOf(chunk['model']) ?? '', numberOf(chunk['created']));
  }

  private choices(chunk: JsonObject): readonly AnswerEvent[] {
    return itemsOf(chunk['choices'])
      .map(fieldsOf)
      .filter(({ index }) => index === undefined || index === null || index === 0)
      .flatMap((choice) => {
        const events = this.delta(fieldsOf(isObject(choice['delta']) ? choice['delta'] : choice['message']));
        const finish = readFinish(choice['finish_reason']);
        if (finish !== null) this.order.finish(finish);
        return events;
      });
  }

  private delta(delta: JsonObject): readonly AnswerEvent[] {
    return [
      ...this.thoughts(delta),
      ...contentPieces(delta['content']).flatMap((piece) => this.say(piece)),
      ...this.say({ kind: 'refusal', text: textOf(delta['refusal']) ?? '' }),
      ...readCitations(delta['annotations']).flatMap((citation) => this.order.citation('text', citation)),
      ...itemsOf(delta['tool_calls']).flatMap((item) => this.call(item)),
      ...(isObject(delta['function_call']) ? this.call({ index: 0, function: delta['function_call'] }) : []),
    ];
  }

  /** Thoughts are told as texts, as blocks with seals, or as both, which then have the same text. */
  private thoughts(delta: JsonObject): readonly AnswerEvent[] {
    const text = thoughtText(delta);
    this.toldThoughts ||= text !== '';
    return [
      ...this.say({ kind: 'thinking', text }),
      ...itemsOf(delta['thinking_blocks'])
        .flatMap(readBlock)
        .flatMap((block) => [
          ...(this.toldThoughts ? [] : this.say({ kind: 'thinking', text: block.text })),
          ...(block.sealed === null
            ? []
            : [...this.order.seal('thinking', block.sealed), ...this.order.close('thinking')]),
        ]),
    ];
  }

  /** More of a text. What was said in another kind is over, as in plain replies. */
  private say({ kind, text }: ContentPiece): readonly AnswerEvent[] {
    if (text === '') return [];
    return [...this.closeTexts(kind), ...this.calls.closeWhole(), ...this.order.text(kind, kind, text)];
  }

  private call(item: unknown): readonly AnswerEvent[] {
    return [...this.closeTexts(null), ...this.calls.take(item)];
  }

  private closeTexts(but: ContentPiece['kind'] | null): AnswerEvent[] {
    return KINDS.flatMap((kind) => (kind === but ? [] : this.order.close(kind)));
  }

  private usage(chunk: JsonObject): readonly AnswerEvent[] {
    const report = reportIn(chunk);
    if (report === null) return [];
    this.report = mergeReports(this.report, report);
    const usage = usageOf(this.report);
    return usage === null ? [] : this.order.usage(usage);
  }
}

const KINDS = ['thinking', 'text', 'refusal'] as const;

/** An error in the middle of a stream: `error` as an object or a text, vLLM's flat form, or a choice that failed. */
function errorIn(chunk: JsonObject): StreamError | null {
  const { error } = chunk;
  const failed = itemsOf(chunk['choices']).some((choice) => isFailure(fieldsOf(choice)['finish_reason']));
  if (typeof error === 'string' && error !== '') return { type: null, message: error };
  if (isObject(error)) return errorOf(error);
  if (chunk['object'] === 'error') return errorOf(chunk);
  return failed ? { type: null, message: FAILED } : null;
}

function errorOf(error: JsonObject): StreamError {
  const type = textOf(error['type']) ?? textOf(error['code']);
  return { type, message: textOf(error['message']) ?? FAILED };
}

const FAILED = 'The provider failed in the middle of its answer.';
