import type { AnswerEvent } from '../answer.js';
import type { ProviderSeal } from '../dialect-codec.js';
import { isObject } from '../fields.js';
import type { PartOrder } from '../part-order.js';
import { JsonEnd } from './json-end.js';
import { writtenCall, type WrittenCall } from './read-reply.js';
import { sealedFields } from './sealed-fields.js';

/** A call of which pieces have come. */
interface Call {
  readonly key: string;
  id: string;
  name: string;
  custom: boolean;
  /** Input that came before the name. */
  early: string;
  /** What only the provider can read of it and came before the name, as JSON. */
  sealed: string | null;
  opened: boolean;
  readonly end: JsonEnd;
}

/**
 * Tells the calls of a stream apart. OpenAI numbers them by `index`; Ollama numbers all of them 0, and older builds
 * none; vLLM repeats the id in each piece. So within one number another id is another call, and the same id or none
 * goes on, unless another name comes, or the same one after a whole input. Without a number a known id, or else the
 * last call, goes on.
 */
export class CallDeltas {
  private readonly calls: Call[] = [];
  /** The calls whose input is whole and that have not been closed. */
  private whole: Call[] = [];
  private readonly byIndex = new Map<number, Call>();
  private readonly byId = new Map<string, Call>();

  private seals = 0;

  constructor(
    private readonly order: PartOrder,
    private readonly seal: ProviderSeal | undefined,
  ) {}

  /** One item of `tool_calls` in a delta. */
  take(item: unknown): readonly AnswerEvent[] {
    const piece = writtenCall(item);
    const index = isObject(item) && typeof item['index'] === 'number' ? item['index'] : null;
    const known = index === null ? this.unnumbered(piece) : this.byIndex.get(index);
    const goesOn = known !== undefined && continues(known, piece);
    const call = goesOn ? known : this.begin();
    if (index !== null) this.byIndex.set(index, call);
    return this.add(call, piece);
  }

  /** Calls whose input is whole need not stay open when another part begins. */
  closeWhole(): AnswerEvent[] {
    if (this.whole.length === 0) return [];
    const { whole } = this;
    this.whole = [];
    return whole.flatMap(({ key }) => this.order.close(key));
  }

  /** Whether the input of each call is whole: an object, or nothing, or any text of a custom tool. */
  get areWhole(): boolean {
    return this.calls.every(({ custom, end }) => custom || end.isWhole || end.isBlank);
  }

  /** Opens what has no name to the end. */
  end(): AnswerEvent[] {
    return this.calls.flatMap((call) => (call.opened ? [] : this.open(call)));
  }

  private unnumbered({ id }: WrittenCall): Call | undefined {
    return id === '' ? this.calls.at(-1) : (this.byId.get(id) ?? nameless(this.calls.at(-1)));
  }

  private begin(): Call {
    const key = `call ${this.calls.length}`;
    const call = { key, id: '', name: '', custom: false, early: '', sealed: null, opened: false, end: new JsonEnd() };
    this.calls.push(call);
    return call;
  }

  private add(call: Call, { id, name, input, custom, sealed }: WrittenCall): readonly AnswerEvent[] {
    if (!call.opened) {
      call.id ||= id;
      call.name ||= name;
      call.custom ||= custom;
      call.early += input;
      call.sealed ??= sealed;
      if (id !== '') this.byId.set(id, call);
      return call.name === '' ? [] : this.open(call);
    }
    const late = call === this.calls.at(-1) ? this.keep(sealed, 'called') : [];
    return [...this.input(call, input), ...late];
  }

  private open(call: Call): AnswerEvent[] {
    call.opened = true;
    return [
      ...this.closeWhole(),
      ...this.keep(call.sealed, 'call'),
      ...this.order.call(call.key, call),
      ...this.input(call, call.early),
    ];
  }

  /** Beside a call, what only the provider can read of it. */
  private keep(fields: string | null, place: 'call' | 'called'): AnswerEvent[] {
    const sealed = sealedFields(fields, place, this.seal);
    if (sealed === null) return [];
    const key = `seal ${this.seals++}`;
    return [...this.order.seal(key, sealed), ...this.order.close(key)];
  }

  private input(call: Call, text: string): AnswerEvent[] {
    if (!call.custom && !call.end.isWhole) {
      call.end.take(text);
      if (call.end.isWhole) this.whole.push(call);
    }
    return this.order.input(call.key, text);
  }
}

function continues(call: Call, { id, name }: WrittenCall): boolean {
  if (id !== '' && call.id !== '') return id === call.id;
  return name === '' || call.name === '' || (name === call.name && !call.end.isWhole);
}

/** The call if its id has not come yet: an id that comes now may be its own. */
function nameless(call: Call | undefined): Call | undefined {
  return call?.id === '' && !call.opened ? call : undefined;
}
