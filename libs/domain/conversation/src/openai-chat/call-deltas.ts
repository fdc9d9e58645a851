import type { AnswerEvent } from '../answer.js';
import type { ProviderSeal } from '../dialect-codec.js';
import { NAMELESS_CALL } from '../failures.js';
import { isBlank, isObject } from '../fields.js';
import { JsonEnd } from '../json-end.js';
import type { PartOrder } from '../part-order.js';
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
  /** Input that says nothing yet: spaces, or an object without fields. It goes out once other input follows it. */
  held: string;
  end: JsonEnd;
}

/**
 * Tells the calls of a stream apart. OpenAI numbers them by `index`; Ollama numbers all of them 0, and older builds
 * none; vLLM repeats the id in each piece; others give each piece an id of its own. So within one number another id
 * with a name is another call, and the same id or none goes on, unless another name comes, or the same one after a
 * whole input. A piece without a name goes on with a call that has one. Without a number a known id, or else the last
 * call, goes on.
 *
 * Some servers begin a call with `{}` and send its input later. So an empty object gives way to what follows it.
 */
export class CallDeltas {
  private readonly calls: Call[] = [];
  /** The calls whose input is whole and has fields, and that have not been closed. */
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

  /** Calls whose input is whole, and has fields, need not stay open when another part begins. */
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

  /** Nothing more comes for any call. `wasCut` tells that the answer was, so that the last call may have no name. */
  end(wasCut: boolean): AnswerEvent[] {
    if (!wasCut && this.calls.some(({ opened }) => !opened)) return this.order.error(NAMELESS_CALL);
    return this.calls.flatMap((call) => this.release(call));
  }

  private unnumbered({ id, name }: WrittenCall): Call | undefined {
    const last = this.calls.at(-1);
    if (id === '') return last;
    return this.byId.get(id) ?? (name === '' && last?.opened === true ? last : nameless(last));
  }

  private begin(): Call {
    const key = `call ${this.calls.length}`;
    const call = {
      key,
      id: '',
      name: '',
      custom: false,
      early: '',
      sealed: null,
      opened: false,
      held: '',
      end: new JsonEnd(),
    };
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
    if (call.custom) return this.order.input(call.key, text);
    if (call.end.isWhole && call.end.isEmpty && !isBlank(text)) {
      call.held = '';
      call.end = new JsonEnd();
    }
    const wasWhole = call.end.isWhole;
    call.end.take(text);
    call.held += text;
    if (call.end.isEmpty) return [];
    if (call.end.isWhole && !wasWhole) this.whole.push(call);
    return this.release(call);
  }

  /** What was held of the input of a call. */
  private release(call: Call): AnswerEvent[] {
    const { held } = call;
    call.held = '';
    return this.order.input(call.key, held);
  }
}

function continues(call: Call, { id, name }: WrittenCall): boolean {
  if (id !== '' && call.id !== '' && id !== call.id) return name === '' && call.name !== '';
  return name === '' || call.name === '' || (name === call.name && !call.end.isWhole);
}

/** The call if its id has not come yet: an id that comes now may be its own. */
function nameless(call: Call | undefined): Call | undefined {
  return call?.id === '' && !call.opened ? call : undefined;
}
