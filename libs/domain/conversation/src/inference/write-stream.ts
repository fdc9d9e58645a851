import type { TokenUsage } from '@tollgate/usage';
import type { AnswerEvent, Finish, OpenedPart } from '../answer.js';
import type { JsonObject, ReplyContext, SentEvent, StreamEncoder } from '../dialect-codec.js';
import { chatError } from '../errors/error-words.js';
import { writeUsage } from './usage.js';
import { finishReason, replyHead } from './write-reply.js';

/**
 * Writes a stream: `inference.started` once and first, `inference.output` and `inference.refusal` with pieces of text,
 * `inference.completed` or `error` once and last. Each event has its name in `type` as well.
 */
export function writeStream(context: ReplyContext): StreamEncoder {
  return new InferenceEncoder(context);
}

class InferenceEncoder implements StreamEncoder {
  private open: OpenedPart['kind'] | null = null;
  private finish: Finish | null = null;
  private usage: TokenUsage | null = null;
  private over = false;

  constructor(private readonly context: ReplyContext) {}

  take(event: AnswerEvent): readonly SentEvent[] {
    if (this.over) return [];
    switch (event.type) {
      case 'start':
        return sent('inference.started', replyHead(event, this.context));
      case 'open':
        this.open = event.part.kind;
        return [];
      case 'delta':
        return this.delta(event.text);
      case 'usage':
        this.usage = event.usage;
        return [];
      case 'finish':
        this.finish = event.finish;
        return [];
      case 'error':
        this.over = true;
        return sent('error', { error: chatError(event.error) });
      case 'end':
        return this.end();
      case 'citation':
      case 'seal':
      case 'close':
        return [];
      default:
        return event satisfies never;
    }
  }

  /** Thoughts are not shown, and there are no calls. */
  private delta(text: string): readonly SentEvent[] {
    if (this.open === 'text') return sent('inference.output', { text });
    return this.open === 'refusal' ? sent('inference.refusal', { text }) : [];
  }

  private end(): readonly SentEvent[] {
    this.over = true;
    return sent('inference.completed', {
      finish_reason: finishReason(this.finish?.reason ?? 'stop'),
      usage: this.usage === null ? null : writeUsage(this.usage),
    });
  }
}

function sent(type: string, fields: JsonObject): readonly SentEvent[] {
  return [{ event: type, data: { type, ...fields } }];
}
