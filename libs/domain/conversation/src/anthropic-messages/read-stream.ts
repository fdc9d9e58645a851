import type { AnswerEvent } from '../answer.js';
import type { JsonObject, NameMap, StreamDecoder } from '../dialect-codec.js';
import { readError, unnamedError } from '../errors/read-error.js';
import { writeJson } from '../exact-json.js';
import { CUT_CALL, FAILED, isFailure } from '../failures.js';
import { fieldsOf, isObject, itemsOf, textOf } from '../fields.js';
import { JsonEnd } from '../json-end.js';
import { PartOrder } from '../part-order.js';
import { readCitation } from './citations.js';
import { sealOf } from './foreign-thoughts.js';
import { redacted } from './read-reply.js';
import { isKnownReason, isPause, readExplanation, readStopReason } from './stop-reasons.js';
import { StreamUsage } from './usage.js';

/** Reads Claude's stream: platform.claude.com/docs/en/build-with-claude/streaming. */
export function readStream(names: NameMap): StreamDecoder {
  return new MessageStream(names);
}

/** A block that is open, under a key of its own: servers may use an index again. */
interface Block {
  readonly key: string;
  readonly type: string;
  signature: string;
  /** The input that a tool use was opened with; it counts if no pieces follow. */
  input: string;
  /** Tells whether the pieces of the input are whole. */
  readonly end: JsonEnd;
}

const PAUSED = unnamedError('Claude paused in the middle of its answer, and cannot be called again here.');

class MessageStream implements StreamDecoder {
  private readonly order: PartOrder;
  private readonly usage = new StreamUsage();
  private readonly blocks = new Map<unknown, Block>();
  private opened = 0;
  /** Whether the input of a tool use ended before it was whole. */
  private hasCutCall = false;
  private isKnownEnd = true;

  constructor(names: NameMap) {
    this.order = new PartOrder(names);
  }

  take(event: string | null, data: JsonObject): readonly AnswerEvent[] {
    switch (textOf(data['type']) ?? event ?? '') {
      case 'message_start':
        return this.start(fieldsOf(data['message']));
      case 'content_block_start':
        return this.open(data['index'], fieldsOf(data['content_block']));
      case 'content_block_delta':
        return this.add(data['index'], fieldsOf(data['delta']));
      case 'content_block_stop':
        return this.close(data['index']);
      case 'message_delta':
        return this.finish(fieldsOf(data['delta']), data['usage']);
      case 'message_stop':
        return this.end();
      case 'error':
        return this.order.error(readError(data, FAILED.message).error);
      // Pings, and events that are newer than this.
      default:
        return [];
    }
  }

  end(): readonly AnswerEvent[] {
    const last = [...this.blocks.keys()].flatMap((index) => this.close(index));
    return [...last, ...(this.hasCutCall && !this.isKnownEnd ? this.order.error(CUT_CALL) : this.order.end())];
  }

  private start({ id, model, usage }: JsonObject): readonly AnswerEvent[] {
    return [...this.order.start(textOf(id) ?? '', textOf(model) ?? '', null), ...this.report(usage)];
  }

  private report(reported: unknown): readonly AnswerEvent[] {
    const usage = this.usage.take(reported);
    return usage === null ? [] : this.order.usage(usage);
  }

  private open(index: unknown, content: JsonObject): readonly AnswerEvent[] {
    const before = this.close(index);
    const type = textOf(content['type']) ?? '';
    const signature = textOf(content['signature']) ?? '';
    const block = { key: `block ${this.opened++}`, type, signature, input: '', end: new JsonEnd() };
    this.blocks.set(index, block);
    return [...before, ...this.begin(block, content)];
  }

  private begin(block: Block, content: JsonObject): readonly AnswerEvent[] {
    switch (block.type) {
      case 'text':
        return [
          ...this.order.text(block.key, 'text', textOf(content['text']) ?? ''),
          ...itemsOf(content['citations']).flatMap((citation) => this.cite(block, citation)),
        ];
      case 'thinking':
        return this.order.text(block.key, 'thinking', textOf(content['thinking']) ?? '');
      case 'redacted_thinking':
        return this.order.seal(block.key, redacted(textOf(content['data']) ?? ''));
      case 'tool_use':
        block.input = isObject(content['input']) ? writeJson(content['input']) : '';
        return this.order.call(block.key, {
          id: textOf(content['id']) ?? '',
          name: textOf(content['name']) ?? '',
          custom: false,
        });
      default:
        return [];
    }
  }

  private add(index: unknown, delta: JsonObject): readonly AnswerEvent[] {
    const block = this.blocks.get(index);
    if (block === undefined) return [];
    switch (`${block.type}: ${textOf(delta['type']) ?? ''}`) {
      case 'text: text_delta':
        return this.order.text(block.key, 'text', textOf(delta['text']) ?? '');
      case 'text: citations_delta':
        return this.cite(block, delta['citation']);
      case 'thinking: thinking_delta':
        return this.order.text(block.key, 'thinking', textOf(delta['thinking']) ?? '');
      case 'thinking: signature_delta':
        block.signature += textOf(delta['signature']) ?? '';
        return [];
      case 'tool_use: input_json_delta':
        return this.input(block, textOf(delta['partial_json']) ?? '');
      default:
        return [];
    }
  }

  private input(block: Block, json: string): readonly AnswerEvent[] {
    if (json !== '') block.input = '';
    block.end.take(json);
    return this.order.input(block.key, json);
  }

  private cite(block: Block, citation: unknown): readonly AnswerEvent[] {
    const read = readCitation(citation);
    return read === null ? [] : this.order.citation(block.key, read);
  }

  private close(index: unknown): readonly AnswerEvent[] {
    const block = this.blocks.get(index);
    if (block === undefined) return [];
    this.blocks.delete(index);
    this.hasCutCall ||= !block.end.isBlank && !block.end.isWhole;
    const sealed = sealOf(block.signature);
    return [
      ...(sealed === null ? [] : this.order.seal(block.key, sealed)),
      ...this.order.input(block.key, block.input),
      ...this.order.close(block.key),
    ];
  }

  private finish(delta: JsonObject, reported: unknown): readonly AnswerEvent[] {
    const usage = this.report(reported);
    const reason = textOf(delta['stop_reason']);
    if (reason === null) return usage;
    if (isPause(reason)) return [...usage, ...this.order.error(PAUSED)];
    if (isFailure(reason)) return [...usage, ...this.order.error(FAILED)];
    this.isKnownEnd = isKnownReason(reason);
    this.order.finish(readStopReason(reason, delta['stop_sequence']));
    const explanation = readExplanation(delta['stop_details']);
    return explanation === null ? usage : [...usage, ...this.order.text('explanation', 'refusal', explanation)];
  }
}
