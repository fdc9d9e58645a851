import type { AssistantPart, ToolCallPart, ToolResult, Turn } from './conversation.js';
import type { Fault } from './dialect-codec.js';
import { fault } from './fault.js';

/**
 * Brings turns into the order that all providers take: each turn of the assistant that calls tools is followed at once
 * by one turn with all their results, in the order of the calls; what stood between them follows after. Neighbours of
 * the assistant become one turn if the first one calls tools, so that calls side by side are answered side by side.
 * Nothing is lost. Turns in this order come back as they are.
 *
 * Ids tell which result belongs to which call. Some servers give the same id to several calls: their results count in
 * order, and the later calls get new ids, since Anthropic refuses an id that comes twice.
 *
 * A result without a call, a call without a result, and a last turn of the assistant (which older Claude models
 * continue, and others refuse or answer anew) are faults of `field`, the caller's list of turns.
 */
export function orderTurns(turns: readonly Turn[], field: string): readonly Turn[] | Fault {
  const order = new TurnOrder(turns);
  for (const turn of turns) {
    if (!order.add(turn)) return fault(field, 'Each tool result needs a tool call before it, but one has none.');
  }
  const ordered = order.turns();
  if (ordered === null) return fault(field, 'Each tool call needs a result after it, but one has none.');
  if (ordered.at(-1)?.role === 'assistant')
    return fault(field, 'The last turn is one of the assistant, and a model cannot be made to continue it here.');
  return ordered;
}

/** A call, and the results that belong to it. */
interface Asked {
  readonly call: ToolCallPart;
  readonly results: ToolResult[];
  /** Where it was asked. */
  readonly said: Said;
}

/** What the assistant said at one place, with the calls in it. */
interface Said {
  readonly role: 'assistant';
  readonly parts: AssistantPart[];
  readonly asked: Asked[];
  /** Whether a call in it has a result. */
  isAnswered: boolean;
}

type Step = Said | Exclude<Turn, { role: 'assistant' | 'tool' }>;

class TurnOrder {
  private readonly steps: Step[] = [];
  private readonly calls = new Map<string, CallsOfOneId>();
  private readonly written: ReadonlySet<string>;

  constructor(turns: readonly Turn[]) {
    this.written = new Set(
      turns.flatMap((turn) => (turn.role === 'assistant' ? turn.parts.filter(isCall).map(({ id }) => id) : [])),
    );
  }

  /** False if the turn has a result whose call is missing. */
  add(turn: Turn): boolean {
    if (turn.role === 'tool')
      return turn.results.every((result) => this.calls.get(result.callId)?.answer(result) ?? false);
    if (turn.role === 'assistant') this.say(turn.parts);
    else this.steps.push(turn);
    return true;
  }

  /** Null if a call has no result. */
  turns(): readonly Turn[] | null {
    const complete = this.steps.every((step) => step.role !== 'assistant' || step.asked.every(isAnswered));
    return complete ? this.steps.flatMap((step) => (step.role === 'assistant' ? turnsOf(step) : [step])) : null;
  }

  private say(parts: readonly AssistantPart[]): void {
    const last = this.steps.at(-1);
    const goesOn = last?.role === 'assistant' && last.asked.length > 0 && !last.isAnswered;
    const said: Said = goesOn ? last : { role: 'assistant', parts: [], asked: [], isAnswered: false };
    if (!goesOn) this.steps.push(said);
    for (const part of parts) said.parts.push(isCall(part) ? this.ask(part, said) : part);
  }

  private ask(call: ToolCallPart, said: Said): ToolCallPart {
    const sameId = this.calls.get(call.id) ?? new CallsOfOneId(call.id, this.written);
    this.calls.set(call.id, sameId);
    const asked = sameId.ask(call, said);
    said.asked.push(asked);
    return asked.call;
  }
}

/** The calls that were given one id, in their order. */
class CallsOfOneId {
  private readonly asked: Asked[] = [];
  private answered = 0;
  private again = 1;

  constructor(
    private readonly id: string,
    private readonly written: ReadonlySet<string>,
  ) {}

  ask(call: ToolCallPart, said: Said): Asked {
    const asked: Asked = { call: this.asked.length === 0 ? call : { ...call, id: this.freshId() }, results: [], said };
    this.asked.push(asked);
    return asked;
  }

  /** Gives a result to the first call that has none; if all have one, the last has more. */
  answer(result: ToolResult): boolean {
    const asked = this.asked[this.answered] ?? this.asked.at(-1);
    if (this.answered < this.asked.length) this.answered++;
    if (asked === undefined) return false;
    asked.results.push(result);
    asked.said.isAnswered = true;
    return true;
  }

  private freshId(): string {
    for (;;) {
      const id = `${this.id}_${++this.again}`;
      if (!this.written.has(id)) return id;
    }
  }
}

function isCall(part: AssistantPart): part is ToolCallPart {
  return part.kind === 'tool_call';
}

function isAnswered({ results }: Asked): boolean {
  return results.length > 0;
}

function turnsOf({ parts, asked }: Said): readonly Turn[] {
  const turn: Turn = { role: 'assistant', parts };
  return asked.length === 0 ? [turn] : [turn, { role: 'tool', results: asked.map(resultOf) }];
}

/** One result of all that were given for a call. */
function resultOf({ call, results }: Asked): ToolResult {
  const [first, ...others] = results as [ToolResult, ...ToolResult[]];
  const result = others.length === 0 ? first : { ...first, parts: results.flatMap(({ parts }) => parts) };
  const isError = results.some((each) => each.isError);
  return { ...result, callId: call.id, isError };
}
