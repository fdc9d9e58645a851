import { CustomInput } from './custom-input.js';
import type { AnswerError, AnswerEvent, Citation, Finish, OpenedPart } from './answer.js';
import type { SealedThought } from './conversation.js';
import type { NameMap } from './dialect-codec.js';
import { unnamedError } from './errors/read-error.js';
import { NAMELESS_CALL } from './failures.js';
import { isBlank } from './fields.js';
import { finishOf } from './finish.js';
import { madeCallId } from './read-call.js';
import type { TokenUsage } from '@tollgate/usage';

/** A call as a provider opens it. */
export interface OpenedCall {
  /** Empty if the provider gives none. */
  readonly id: string;
  /** As the provider was sent it. */
  readonly name: string;
  /** Whether the provider calls it as a custom tool, so that its input is text. */
  readonly custom: boolean;
}

type TextKind = 'text' | 'refusal' | 'thinking';
/** What belongs to a part that is open or waits: an event without the index that the part has not got yet. */
type Piece =
  | { readonly type: 'delta'; readonly text: string }
  | { readonly type: 'citation'; readonly citation: Citation }
  | { readonly type: 'seal'; readonly sealed: SealedThought };

const LATE_INPUT = unnamedError('The provider sent more input for a tool call that it had completed.');
const NO_END = unnamedError('The provider ended its stream before its answer was complete.');

/**
 * Brings the parts of a provider's stream into the order of the canonical grammar, whatever order they come in. A
 * decoder names each part by a key of its own (`text`, `call 3`) and says what arrives; each method returns the events
 * that can go out at once. One part is open at a time; the others wait, in the order in which they came, until it
 * closes.
 *
 * - A part closes by `close`, or at the end. Text of a part that is closed opens a new part of the same kind.
 * - The name of a tool and the input of a custom tool that was sent as a function are turned back.
 * - The input of a function that has none is `{}`.
 * - `finish` tells why the answer ended. It goes out at the end, so that parts which come after it are not lost.
 * - `end` without `finish` is an error: half an answer must not look like a whole one.
 */
export class PartOrder {
  private readonly parts = new Map<string, Part>();
  /** The parts that wait begin at `first`: to take the first one out of a long list would move all others. */
  private readonly waiting: Part[] = [];
  private first = 0;
  private state: 'fresh' | 'started' | 'over' = 'fresh';
  private openIndex = -1;
  private finished: Finish | null = null;
  private calls = 0;
  private answerId = '';

  constructor(private readonly names: NameMap) {}

  get hasStarted(): boolean {
    return this.state !== 'fresh';
  }

  /** Whether anything was said: a text, a thought, a call. */
  get hasParts(): boolean {
    return this.parts.size > 0;
  }

  /** The answer has begun. Only the first call counts. */
  start(id: string, model: string, createdAt: number | null): AnswerEvent[] {
    if (this.state !== 'fresh') return [];
    this.state = 'started';
    this.answerId = id;
    return [{ type: 'start', id, model, createdAt }];
  }

  /** More text of a part, which is opened by its first text. Empty text is nothing. */
  text(key: string, kind: TextKind, text: string): AnswerEvent[] {
    return text === '' ? [] : this.add(this.partOf(key, kind), { type: 'delta', text });
  }

  citation(key: string, citation: Citation): AnswerEvent[] {
    return this.add(this.partOf(key, 'text'), { type: 'citation', citation });
  }

  /** The seal of a thought, which may have no text. */
  seal(key: string, sealed: SealedThought): AnswerEvent[] {
    return this.add(this.partOf(key, 'thinking'), { type: 'seal', sealed });
  }

  /** A call has begun. A key that is open already stays the call that it is. One without a name is an error. */
  call(key: string, { id, name, custom }: OpenedCall): AnswerEvent[] {
    if (this.parts.has(key)) return [];
    if (name === '') return this.error(NAMELESS_CALL);
    const wrapped = !custom && this.names.isCustom(name);
    const part: OpenedPart = {
      kind: 'tool_call',
      id: id === '' ? madeCallId(this.answerId, this.calls) : id,
      name: this.names.original(name),
      custom: custom || wrapped,
    };
    this.calls++;
    this.put(key, new Part(part, wrapped));
    return this.flow();
  }

  /** More input of a call that has begun. */
  input(key: string, text: string): AnswerEvent[] {
    const part = this.parts.get(key);
    if (text === '' || part === undefined) return [];
    if (part.closed) return isBlank(text) ? [] : this.error(LATE_INPUT);
    return this.add(part, { type: 'delta', text });
  }

  /** Nothing more comes for a part. */
  close(key: string): AnswerEvent[] {
    this.parts.get(key)?.close();
    return this.flow();
  }

  usage(usage: TokenUsage): AnswerEvent[] {
    return this.state === 'over' ? [] : [...this.begin(), { type: 'usage', usage }];
  }

  /** Why the answer ended. Only the first reason counts. */
  finish(finish: Finish): void {
    this.finished ??= finish;
  }

  /** The provider has sent an error. Nothing follows. */
  error(error: AnswerError): AnswerEvent[] {
    if (this.state === 'over') return [];
    this.state = 'over';
    return [{ type: 'error', error }];
  }

  /** The provider has ended its stream. Nothing follows. */
  end(): AnswerEvent[] {
    if (this.state === 'over') return [];
    if (this.finished === null) return this.error(NO_END);
    for (const part of this.parts.values()) part.close();
    const last = this.flow();
    const finish = finishOf(this.finished, this.calls > 0);
    const events: AnswerEvent[] = [...this.begin(), ...last, { type: 'finish', finish }, { type: 'end' }];
    this.state = 'over';
    return events;
  }

  private partOf(key: string, kind: TextKind): Part {
    const known = this.parts.get(key);
    return known === undefined || known.closed ? this.put(key, new Part({ kind }, false)) : known;
  }

  private put(key: string, part: Part): Part {
    this.parts.set(key, part);
    this.waiting.push(part);
    return part;
  }

  private add(part: Part, piece: Piece): AnswerEvent[] {
    part.add(piece);
    return this.flow();
  }

  private begin(): AnswerEvent[] {
    return this.start('', '', null);
  }

  /** What can go out now: the pieces of the part that is open, and of each next one if it has closed. */
  private flow(): AnswerEvent[] {
    if (this.state === 'over') return [];
    const events: AnswerEvent[] = [];
    for (let part = this.waiting[this.first]; part !== undefined; part = this.waiting[this.first]) {
      if (!part.opened) {
        part.opened = true;
        events.push({ type: 'open', index: ++this.openIndex, part: part.part });
      }
      const index = this.openIndex;
      for (const piece of part.take()) events.push({ ...piece, index });
      if (!part.closed) break;
      events.push({ type: 'close', index });
      this.first++;
    }
    if (this.first === this.waiting.length) this.waiting.length = this.first = 0;
    return events.length === 0 || this.hasStarted ? events : [...this.begin(), ...events];
  }
}

/** One part of an answer, with the pieces of it that wait. */
class Part {
  opened = false;
  closed = false;
  private pieces: Piece[] = [];
  private blank = true;
  private readonly input: CustomInput | null;

  constructor(
    readonly part: OpenedPart,
    /** Whether the input is that of a function that stands for a custom tool. */
    wrapped: boolean,
  ) {
    this.input = wrapped ? new CustomInput() : null;
  }

  add(piece: Piece): void {
    if (piece.type !== 'delta') this.pieces.push(piece);
    else if (this.input !== null) this.addText(this.input.take(piece.text));
    else {
      this.pieces.push(piece);
      this.blank &&= isBlank(piece.text);
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.input !== null) this.addText(this.input.end());
    else if (this.blank && this.part.kind === 'tool_call' && !this.part.custom) this.addText('{}');
  }

  /** The pieces that can go out. */
  take(): readonly Piece[] {
    const { pieces } = this;
    this.pieces = [];
    return pieces;
  }

  private addText(text: string): void {
    if (text !== '') this.pieces.push({ type: 'delta', text });
  }
}
