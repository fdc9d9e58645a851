import type { Socket } from 'node:net';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import type { ReceivedRequest } from './received-requests.js';
import type { Script, Step } from './steps.js';

/** A connection that somebody made to the provider. */
export interface SeenConnection {
  /** Unlike that of any other. */
  readonly number: number;
  /** Requests that came on it so far. */
  readonly requests: number;
  readonly isClosed: boolean;
  /** Resolves when it has ended, whoever ended it. */
  readonly closed: Promise<void>;
}

/** A request that the provider was sent, and where. */
export interface SeenRequest extends ReceivedRequest {
  /** The first part of its path: which entry of the configuration led here. */
  readonly entry: string;
  readonly connection: SeenConnection;
  /** Whether another request had come on the same connection before. */
  readonly reused: boolean;
}

/** A gate that is not opened for so long never will be: the script goes on, and tells what it waited for. */
const GATE_MS_MAX = 20_000;

/**
 * What the provider does with the requests of one model, wherever they come in: the first request is answered by the
 * first script, the next by the next, and all beyond the last script by that one.
 */
export class Play {
  readonly requests: SeenRequest[] = [];
  /** What happened, in order: `asked 1`, `closed 1` (the connection of the first request), and what `note` was told. */
  readonly log: string[] = [];
  /** Gates that the provider waited for in vain. */
  readonly missed: string[] = [];
  readonly #open = new Set<string>();
  #heard = '';
  readonly #waiting = new Set<() => void>();

  constructor(private readonly scripts: readonly Script[]) {}

  /** Opens a gate, now and for every later request. */
  open(gate: string): void {
    this.#open.add(gate);
    this.#wake();
  }

  /** Says what a client has read so far. A gate that stands in it is open. */
  heard(text: string): void {
    this.#heard = text;
    this.#wake();
  }

  note(what: string): void {
    this.log.push(what);
    this.#wake();
  }

  /** Resolves with the request of this number, the first being 1, when it has come. */
  async request(number: number): Promise<SeenRequest> {
    while (this.requests.length < number) await this.#change();
    return this.requests[number - 1]!;
  }

  /** Answers one request; resolves when its script is through, or its connection gone. */
  async answer(request: SeenRequest, socket: Socket): Promise<void> {
    this.requests.push(request);
    const number = this.requests.length;
    void request.connection.closed.then(() => this.note(`closed ${number}`));
    this.note(`asked ${number}`);
    const script = this.scripts[number - 1] ?? this.scripts.at(-1) ?? [];
    for (const step of script) {
      if (request.connection.isClosed) return;
      await this.#do(step, request.connection, socket);
    }
  }

  async #do(step: Step, connection: SeenConnection, socket: Socket): Promise<void> {
    if (step instanceof Uint8Array) socket.write(step);
    else if (typeof step === 'number') await Promise.race([step === 0 ? turn() : delay(step), connection.closed]);
    else if (step === 'reset') socket.resetAndDestroy();
    else if (step === 'close') socket.end();
    else if (step === 'hang') await connection.closed;
    else await this.#gate(step.slice('await-'.length), connection);
  }

  async #gate(gate: string, connection: SeenConnection): Promise<void> {
    const patience = new AbortController();
    const over = delay(GATE_MS_MAX, 'over', { signal: patience.signal }).catch(() => undefined);
    while (!this.#open.has(gate) && !this.#heard.includes(gate) && !connection.isClosed) {
      if ((await Promise.race([this.#change(), connection.closed, over])) !== 'over') continue;
      this.missed.push(gate);
      break;
    }
    patience.abort();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    const woken = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of woken) resume();
  }
}
