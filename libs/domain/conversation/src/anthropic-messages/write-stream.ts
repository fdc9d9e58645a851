import type { TokenUsage } from '@tollgate/usage';
import type { AnswerEvent, AnswerPart, Finish, OpenedPart } from '../answer.js';
import type { JsonObject, ReplyContext, SentEvent, StreamEncoder } from '../dialect-codec.js';
import { messageError } from '../errors/error-words.js';
import { writeCitation } from './citations.js';
import { signatureOf } from './foreign-thoughts.js';
import { writeStopReason } from './stop-reasons.js';
import { unreportedUsage, writeUsage } from './usage.js';
import { callBlock, messageHead, redactedBlock } from './write-reply.js';

/** Writes a stream as Anthropic does: platform.claude.com/docs/en/build-with-claude/streaming. */
export function writeStream(context: ReplyContext): StreamEncoder {
  return new MessageWriter(context);
}

type Of<T extends AnswerEvent['type']> = Extract<AnswerEvent, { type: T }>;
type Sealed = Of<'seal'>['sealed'];

/** The part that is open. Its block begins with its first content, for a part without content is no block. */
interface OpenBlock {
  readonly part: OpenedPart;
  hasBegun: boolean;
  isSealed: boolean;
}

const NO_FINISH: Finish = { reason: 'stop', stopSequence: null };

class MessageWriter implements StreamEncoder {
  private head: JsonObject | null = null;
  private hasBegun = false;
  private isOver = false;
  private index = 0;
  private block: OpenBlock | null = null;
  private usage: TokenUsage | null = null;
  private finish = NO_FINISH;
  private readonly kinds = new Set<AnswerPart['kind']>();

  constructor(private readonly context: ReplyContext) {}

  take(event: AnswerEvent): readonly SentEvent[] {
    if (this.isOver) return [];
    switch (event.type) {
      case 'start':
        this.head = messageHead(event, this.context);
        // The head shows the input. If it was not counted, the provider's report may be what comes next.
        return this.context.inputTokensCounted === undefined ? [] : this.begin();
      case 'usage':
        this.usage = event.usage;
        return [];
      case 'error':
        this.isOver = true;
        return [sent({ type: 'error', error: messageError(event.error) })];
      case 'finish':
        this.finish = event.finish;
        return this.begin();
      case 'end':
        this.isOver = true;
        return [...this.begin(), ...this.end()];
      case 'open':
      case 'delta':
      case 'citation':
      case 'seal':
      case 'close':
        return [...this.begin(), ...this.content(event)];
      default:
        return event satisfies never;
    }
  }

  private begin(): readonly SentEvent[] {
    if (this.hasBegun) return [];
    this.hasBegun = true;
    const message = {
      ...(this.head ?? messageHead({ id: '', model: '' }, this.context)),
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: this.shownUsage(),
    };
    return [sent({ type: 'message_start', message })];
  }

  private shownUsage(): JsonObject {
    return this.usage === null ? unreportedUsage(this.context.inputTokensCounted ?? 0) : writeUsage(this.usage);
  }

  private content(event: Of<'open' | 'delta' | 'citation' | 'seal' | 'close'>): readonly SentEvent[] {
    if (event.type === 'open') return this.open(event.part);
    const { block } = this;
    if (block === null) return [];
    switch (event.type) {
      case 'delta':
        return event.text === '' ? [] : this.add(block, deltaOf(block.part, event.text));
      case 'citation': {
        const citation = writeCitation(event.citation);
        return citation === null ? [] : this.add(block, { type: 'citations_delta', citation });
      }
      case 'seal':
        return this.seal(block, event.sealed);
      case 'close':
        return this.close(block);
      default:
        return event satisfies never;
    }
  }

  private open(part: OpenedPart): readonly SentEvent[] {
    this.kinds.add(part.kind);
    const block = { part, hasBegun: false, isSealed: false };
    this.block = block;
    if (part.kind !== 'tool_call') return [];
    return [...this.beginBlock(block), ...(part.custom ? this.add(block, inputDelta('{"input":"')) : [])];
  }

  private add(block: OpenBlock, delta: JsonObject): readonly SentEvent[] {
    return [...this.beginBlock(block), sent({ type: 'content_block_delta', index: this.index, delta })];
  }

  private beginBlock(block: OpenBlock, content = emptyBlock(block.part)): readonly SentEvent[] {
    if (block.hasBegun) return [];
    block.hasBegun = true;
    return [sent({ type: 'content_block_start', index: this.index, content_block: content })];
  }

  private seal(block: OpenBlock, sealed: Sealed | null): readonly SentEvent[] {
    block.isSealed = true;
    if (sealed?.kind === 'redacted' && !block.hasBegun) return this.beginBlock(block, redactedBlock(sealed.data));
    return this.add(block, { type: 'signature_delta', signature: signatureOf(sealed) });
  }

  private close(block: OpenBlock): readonly SentEvent[] {
    const last = this.last(block);
    this.block = null;
    if (!block.hasBegun) return last;
    return [...last, sent({ type: 'content_block_stop', index: this.index++ })];
  }

  private last(block: OpenBlock): readonly SentEvent[] {
    if (block.part.kind === 'tool_call' && block.part.custom) return this.add(block, inputDelta('"}'));
    return block.part.kind === 'thinking' && block.hasBegun && !block.isSealed ? this.seal(block, null) : [];
  }

  private end(): readonly SentEvent[] {
    const delta = writeStopReason(this.finish, this.kinds);
    return [sent({ type: 'message_delta', delta, usage: this.shownUsage() }), sent({ type: 'message_stop' })];
  }
}

function sent(data: JsonObject & { readonly type: string }): SentEvent {
  return { event: data.type, data };
}

function emptyBlock(part: OpenedPart): JsonObject {
  switch (part.kind) {
    case 'text':
    case 'refusal':
      return { type: 'text', text: '' };
    case 'thinking':
      return { type: 'thinking', thinking: '', signature: '' };
    case 'tool_call':
      return callBlock(part.id, part.name, {});
    default:
      return part satisfies never;
  }
}

/** The input of a custom tool is text; it stands within a string of JSON, which can be written piece by piece. */
function deltaOf(part: OpenedPart, text: string): JsonObject {
  switch (part.kind) {
    case 'text':
    case 'refusal':
      return { type: 'text_delta', text };
    case 'thinking':
      return { type: 'thinking_delta', thinking: text };
    case 'tool_call':
      return inputDelta(part.custom ? JSON.stringify(text).slice(1, -1) : text);
    default:
      return part satisfies never;
  }
}

function inputDelta(json: string): JsonObject {
  return { type: 'input_json_delta', partial_json: json };
}
