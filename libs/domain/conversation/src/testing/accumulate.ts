import type { TokenUsage } from '@tollgate/usage';
import type { Answer, AnswerEvent, AnswerPart, Citation, Finish, OpenedPart } from '../answer.js';

/**
 * Adds the events of a stream up to the answer that a plain reply would have been, and holds the stream to the grammar
 * of `AnswerEvent` on the way: an Error names the first event that breaks it. A stream that ends in an error throws
 * too.
 */
export function accumulate(events: readonly AnswerEvent[]): Answer {
  const sum = new Accumulator();
  events.forEach((event, at) => {
    const wrong = sum.take(event);
    if (wrong !== null) throw new Error(`event ${at} (${JSON.stringify(event)}): ${wrong}\n${JSON.stringify(events)}`);
  });
  return sum.answer();
}

/** The error that ends a stream; null if it ends well. Throws if the stream breaks the grammar before it. */
export function errorOf(events: readonly AnswerEvent[]): Extract<AnswerEvent, { type: 'error' }>['error'] | null {
  const last = events.at(-1);
  if (last?.type !== 'error') {
    accumulate(events);
    return null;
  }
  const sum = new Accumulator();
  events.slice(0, -1).forEach((event, at) => {
    const wrong = sum.take(event);
    if (wrong !== null) throw new Error(`event ${at} (${JSON.stringify(event)}): ${wrong}`);
  });
  return last.error;
}

class Accumulator {
  private start: Extract<AnswerEvent, { type: 'start' }> | null = null;
  private readonly parts: AnswerPart[] = [];
  private open: { part: OpenedPart; text: string; citations: Citation[]; sealed: unknown } | null = null;
  private usage: TokenUsage | null = null;
  private finish: Finish | null = null;
  private ended = false;

  take(event: AnswerEvent): string | null {
    if (this.ended) return 'it comes after the end';
    if (event.type === 'start') return this.begin(event);
    if (event.type === 'error') return 'the stream ends in an error';
    if (this.start === null) return 'it comes before the start';
    if (event.type === 'usage') return this.use(event.usage);
    if (event.type === 'end') return this.end();
    if (this.finish !== null) return 'it comes after the reason of the end';
    if (event.type === 'finish') return this.finishBy(event.finish);
    if (event.type === 'open') return this.openPart(event.index, event.part);
    return this.addTo(event);
  }

  answer(): Answer {
    if (!this.ended || this.start === null || this.finish === null) throw new Error('the stream has no end');
    const { id, model, createdAt } = this.start;
    return { id, model, createdAt, parts: this.parts, finish: this.finish, usage: this.usage };
  }

  private begin(event: Extract<AnswerEvent, { type: 'start' }>): string | null {
    if (this.start !== null) return 'the stream has started already';
    this.start = event;
    return null;
  }

  private use(usage: TokenUsage): null {
    this.usage = usage;
    return null;
  }

  private finishBy(finish: Finish): string | null {
    if (this.open !== null) return 'a part is open';
    this.finish = finish;
    return null;
  }

  private end(): string | null {
    if (this.finish === null) return 'the reason of the end is missing';
    this.ended = true;
    return null;
  }

  private openPart(index: number, part: OpenedPart): string | null {
    if (this.open !== null) return 'another part is open';
    if (index !== this.parts.length) return `its index is not ${this.parts.length}`;
    this.open = { part, text: '', citations: [], sealed: null };
    return null;
  }

  private addTo(event: Extract<AnswerEvent, { type: 'delta' | 'citation' | 'seal' | 'close' }>): string | null {
    if (this.open === null) return 'no part is open';
    if (event.index !== this.parts.length) return `its index is not ${this.parts.length}`;
    const { kind } = this.open.part;
    switch (event.type) {
      case 'delta':
        this.open.text += event.text;
        return this.open.sealed === null ? null : 'the part is sealed';
      case 'citation':
        this.open.citations.push(event.citation);
        return kind === 'text' ? null : 'the part is no text';
      case 'seal':
        if (kind !== 'thinking' || this.open.sealed !== null) return 'the part takes no seal';
        this.open.sealed = event.sealed;
        return null;
      case 'close':
        this.parts.push(partOf(this.open));
        this.open = null;
        return null;
      default:
        return event satisfies never;
    }
  }
}

function partOf(open: { part: OpenedPart; text: string; citations: Citation[]; sealed: unknown }): AnswerPart {
  const { part, text } = open;
  switch (part.kind) {
    case 'text':
      return { kind: 'text', text, citations: open.citations };
    case 'refusal':
      return { kind: 'refusal', text };
    case 'thinking':
      return { kind: 'thinking', text, sealed: open.sealed as never };
    case 'tool_call':
      return { kind: 'tool_call', id: part.id, name: part.name, input: text, custom: part.custom };
    default:
      return part satisfies never;
  }
}

/**
 * The answer with parts of one kind joined, in the order thought, text, refusal, calls: what stays equal where a
 * dialect has one field for each kind and its parts may come interleaved.
 */
export function joined(answer: Answer): Answer {
  const texts = answer.parts.flatMap((part) => (part.kind === 'text' ? [part] : []));
  const refusals = answer.parts.flatMap((part) => (part.kind === 'refusal' ? [part] : []));
  const thoughts = answer.parts.flatMap((part) => (part.kind === 'thinking' ? [part] : []));
  const calls = answer.parts.flatMap((part) => (part.kind === 'tool_call' ? [part] : []));
  const text = (parts: readonly { readonly text: string }[]): string => parts.map((part) => part.text).join('');
  const parts: AnswerPart[] = [
    ...(thoughts.length === 0
      ? []
      : [{ kind: 'thinking' as const, text: text(thoughts), sealed: thoughts.find((t) => t.sealed)?.sealed ?? null }]),
    ...(texts.length === 0
      ? []
      : [{ kind: 'text' as const, text: text(texts), citations: texts.flatMap(({ citations }) => citations) }]),
    ...(refusals.length === 0 ? [] : [{ kind: 'refusal' as const, text: text(refusals) }]),
    ...calls,
  ];
  return { ...answer, parts };
}
