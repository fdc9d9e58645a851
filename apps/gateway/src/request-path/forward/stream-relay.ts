import type { Dispatcher } from 'undici';
import type { TokenUsage } from '@tollgate/pricing';
import type { Target } from '../choose-route/route-table.js';
import type { AbortReason, CallUnderWay, Exchange } from '../exchange.js';
import { errorEvent, replyHeaders } from '../reply.js';
import type { CallOutcome } from './call.js';
import { StreamEvents } from './stream-events.js';

/** How long a provider may go on after the client has left, so that its usage report is still heard. */
const DRAIN_MS_MAX = 10_000;
/** A client that takes nothing for this long, while its stream waits, counts as gone: its hold is others' credit. */
const STALLED_MS_MAX = 60_000;

/**
 * What comes within this long after a write waits for company, this long at most: a provider that sends faster than
 * that is read by machines or by nobody's eye, and each write costs more than all that is done with the events in it.
 */
const GATHER_MS = 5;
/** So much does not wait. */
const GATHERED_BYTES_MAX = 64 * 1024;

const ABORTED = { revoked: 'invalid_api_key', timed_out: 'provider_timeout' } as const;

/**
 * Passes a stream through: what arrives in one event-loop turn is looked at and written once, and so is what follows
 * faster than anybody can see. The bytes that end the stream wait until its usage is in the journal, so a client that
 * has the whole reply was charged for it.
 */
export class StreamRelay implements CallUnderWay {
  readonly #events: StreamEvents;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #turn: NodeJS.Immediate | null = null;
  #company: NodeJS.Timeout | null = null;
  #writtenAt = -Infinity;
  #usage: TokenUsage | null = null;
  #tail = '';
  #state: 'open' | 'settling' | 'finished' = 'open';
  #upstreamEnded = false;
  #headSent = false;
  #clientLeft = false;
  #aborted: AbortReason | null = null;
  #drainTimer: NodeJS.Timeout | null = null;

  constructor(
    private readonly exchange: Exchange,
    private readonly target: Target,
    private readonly controller: Dispatcher.DispatchController,
    contentType: string,
    private readonly settle: (outcome: CallOutcome) => void,
  ) {
    this.#events = new StreamEvents(exchange.showUsage);
    exchange.call = this;
    const { reply } = exchange;
    if (reply.destroyed) {
      this.#leave();
      return;
    }
    reply.once('close', () => this.#leave());
    reply.writeHead(200, [...replyHeaders(exchange), 'content-type', contentType, 'cache-control', 'no-cache', 'x-accel-buffering', 'no']);
    // The head goes out with the first events, and at the end of the turn without them.
    this.#turn = setImmediate(this.#flush);
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#turn !== null || (this.#company !== null && this.#bytes < GATHERED_BYTES_MAX)) return;
    if (this.#company === null && performance.now() - this.#writtenAt < GATHER_MS) this.#company = setTimeout(this.#flush, GATHER_MS);
    else this.#turn = setImmediate(this.#flush);
  }

  end(): void {
    this.#flush();
    this.#upstreamEnded = true;
    if (this.#state === 'open') {
      const rest = this.#events.end();
      this.#usage = rest.usage ?? this.#usage;
      this.#tail += rest.events + rest.tail;
      this.#complete(this.#clientLeft ? 'client_left' : 'completed');
    } else if (this.#state === 'finished') {
      this.exchange.reply.end();
    }
  }

  fail(): void {
    this.#flush();
    this.#upstreamEnded = true;
    if (this.#state === 'open') {
      if (!this.#clientLeft) this.#tail += errorEvent(this.#aborted === null ? 'provider_failed' : ABORTED[this.#aborted]);
      this.#complete(this.#aborted === 'revoked' ? 'revoked' : this.#clientLeft ? 'client_left' : 'provider_interrupted');
    } else if (this.#state === 'finished') {
      this.exchange.reply.end();
    }
  }

  readonly #flush = (): void => {
    if (this.#turn !== null) clearImmediate(this.#turn);
    if (this.#company !== null) clearTimeout(this.#company);
    this.#turn = this.#company = null;
    if (this.#chunks.length === 0) return this.#sendHead();
    const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [];
    this.#bytes = 0;
    const part = this.#events.take(bytes);
    this.#usage = part.usage ?? this.#usage;
    if (this.#state === 'settling') {
      this.#tail += part.events + part.tail;
      return;
    }
    this.#write(part.events);
    if (this.#state === 'finished') return this.#write(part.tail);
    this.#tail += part.tail;
    this.#sendHead();
    if (!this.#clientLeft) this.exchange.countedOutputTokens = this.#events.countedTokens();
    if (part.done) this.#complete(this.#clientLeft ? 'client_left' : 'completed');
  };

  /** Where nothing else did. */
  #sendHead(): void {
    const { reply } = this.exchange;
    if (this.#headSent || this.#clientLeft || reply.destroyed) return;
    this.#headSent = true;
    reply.flushHeaders();
  }

  #write(text: string): void {
    const { reply } = this.exchange;
    if (text === '' || this.#clientLeft || reply.destroyed) return;
    this.#headSent = true;
    this.#writtenAt = performance.now();
    if (reply.write(text, 'latin1') || this.#upstreamEnded) return;
    this.controller.pause();
    const stalled = setTimeout(() => reply.destroy(), STALLED_MS_MAX);
    reply.once('close', () => clearTimeout(stalled));
    reply.once('drain', () => {
      clearTimeout(stalled);
      this.controller.resume();
    });
  }

  #complete(outcome: CallOutcome['outcome']): void {
    this.#state = 'settling';
    if (this.#drainTimer !== null) clearTimeout(this.#drainTimer);
    this.exchange.call = null;
    const { exchange, target } = this;
    const counted: TokenUsage = { inputTokens: exchange.inputTokensEstimate, outputTokens: exchange.countedOutputTokens, cachedInputTokens: 0, reasoningTokens: 0 };
    this.settle({ target, outcome, usage: this.#usage ?? counted, usageSource: this.#usage === null ? 'counted' : 'provider', finish: () => this.#finish() });
  }

  #finish(): void {
    this.#state = 'finished';
    this.#write(this.#tail);
    this.#tail = '';
    if (this.#upstreamEnded) this.exchange.reply.end();
  }

  /** The client is gone: the provider is heard out for a while, for its report, and what was delivered is no more counted. */
  #leave(): void {
    if (this.#clientLeft || this.#state !== 'open') return;
    this.#clientLeft = true;
    this.controller.resume();
    this.#drainTimer = setTimeout(() => this.controller.abort(new Error('the client left')), DRAIN_MS_MAX);
  }

  /** The stream ends here and now. */
  abort(why: AbortReason): void {
    if (this.#state !== 'open') return;
    this.#aborted = why;
    this.controller.abort(new Error(why));
  }
}
