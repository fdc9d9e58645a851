import type { TokenUsage } from '@tollgate/usage';
import type { AnswerEvent, OpenedPart } from '../answer.js';
import type { JsonObject, ReplyContext, SentEvent, StreamEncoder } from '../dialect-codec.js';
import { chatError } from '../errors/error-words.js';
import { writeCitations } from './citations.js';
import { thinkingBlock } from './thinking-blocks.js';
import { writeUsage } from './usage.js';
import { replyHead } from './write-reply.js';

/**
 * Writes the chunks of a stream: the role first, then the parts, the reason of the end, the usage if asked for,
 * `[DONE]`.
 */
export function writeStream(context: ReplyContext): StreamEncoder {
  return new ChatEncoder(context);
}

type Event<Type extends AnswerEvent['type']> = Extract<AnswerEvent, { type: Type }>;

class ChatEncoder implements StreamEncoder {
  private head: JsonObject | null = null;
  private open: OpenedPart | null = null;
  private usage: TokenUsage | null = null;
  private over = false;
  private calls = 0;
  /** The place in the content at which the open text begins, and the length of the content so far. */
  private textStart = 0;
  private textEnd = 0;
  private thought = '';

  constructor(private readonly context: ReplyContext) {}

  take(event: AnswerEvent): readonly SentEvent[] {
    if (this.over) return [];
    switch (event.type) {
      case 'start':
        return this.start(event);
      case 'open':
        return this.openPart(event.part);
      case 'delta':
        return this.chunk(this.deltaOf(event.text));
      case 'citation':
        return this.cite(event);
      case 'seal':
        return this.seal(event);
      case 'close':
        return [];
      case 'usage':
        this.usage = event.usage;
        return [];
      case 'finish':
        return this.chunk({}, event.finish.reason);
      case 'error':
        return this.fail(event);
      case 'end':
        return this.end();
      default:
        return event satisfies never;
    }
  }

  private start({ id, model, createdAt }: Event<'start'>): readonly SentEvent[] {
    this.head = replyHead('chat.completion.chunk', { id, model, createdAt }, this.context);
    return this.chunk({ role: 'assistant', content: '' });
  }

  private openPart(part: OpenedPart): readonly SentEvent[] {
    this.open = part;
    this.textStart = this.textEnd;
    this.thought = '';
    if (part.kind !== 'tool_call') return [];
    const called = part.custom
      ? { type: 'custom', custom: { name: part.name, input: '' } }
      : { type: 'function', function: { name: part.name, arguments: '' } };
    return this.chunk({ tool_calls: [{ index: this.calls++, id: part.id, ...called }] });
  }

  private deltaOf(text: string): JsonObject {
    const part = this.open;
    switch (part?.kind) {
      case 'thinking':
        this.thought += text;
        return { reasoning_content: text };
      case 'refusal':
        return { refusal: text };
      case 'tool_call': {
        const input = part.custom ? { custom: { input: text } } : { function: { arguments: text } };
        return { tool_calls: [{ index: this.calls - 1, ...input }] };
      }
      case 'text':
      case undefined:
        this.textEnd += text.length;
        return { content: text };
      default:
        return part satisfies never;
    }
  }

  private cite({ citation }: Event<'citation'>): readonly SentEvent[] {
    const annotations = writeCitations([citation], this.textStart, this.textEnd);
    return annotations.length === 0 ? [] : this.chunk({ annotations });
  }

  private seal({ sealed }: Event<'seal'>): readonly SentEvent[] {
    return this.chunk({ thinking_blocks: [thinkingBlock({ text: this.thought, sealed })] });
  }

  /** After an error nothing follows that looks like a good end. */
  private fail({ error }: Event<'error'>): readonly SentEvent[] {
    this.over = true;
    return [{ event: null, data: { error: chatError(error) } }];
  }

  private end(): readonly SentEvent[] {
    this.over = true;
    const usage: readonly SentEvent[] =
      this.usage === null || !this.context.showUsage
        ? []
        : [{ event: null, data: { ...this.head, choices: [], usage: writeUsage(this.usage) } }];
    return [...usage, { event: null, data: '[DONE]' }];
  }

  private chunk(delta: JsonObject, finishReason: string | null = null): readonly SentEvent[] {
    const choice = { index: 0, delta, logprobs: null, finish_reason: finishReason };
    const usage = this.context.showUsage ? { usage: null } : {};
    return [{ event: null, data: { ...this.head, choices: [choice], ...usage } }];
  }
}
