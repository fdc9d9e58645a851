import type { Dispatcher } from 'undici';
import type { ErrorCode } from '@tollgate/errors';
import { costOf } from '@tollgate/pricing';
import type { Target } from '../choose-route/route-table.js';
import { speechTo, type AbortReason, type RunningCall, type Journaled } from '../exchange/exchange.js';
import { markedUp } from '../exchange/mark-up.js';
import { replyHeaders } from '../exchange/reply.js';
import type { TokenUsage, UsageReport } from '@tollgate/usage';
import { askedOf, judgeUsage, type Asked, type JudgedUsage } from '../usage/judge-usage.js';
import { addCostTrailer, streamHeaders, toldCost } from './answer-headers.js';
import type { CallOutcome, UsedSoFar } from './call.js';
import { UsageHold } from './told-cost.js';
import type { Speech } from '../../dialects/ask.js';
import type { StreamAbout } from '../../dialects/dialect.js';
import { NO_ANSWER, type EventError, type ProviderError, type StreamReader } from '../../dialects/answer.js';

/**
 * A client that reads nothing for this long while its stream is paused counts as gone, since its hold blocks credit.
 */
const STALLED_MS_MAX = 60_000;
/** How long a provider may keep its connection open after `[DONE]`, so that it can be used again. */
const AFTER_DONE_MS_MAX = 1_500;
/** An event longer than this is no part of a completion, and ends the stream. */
const EVENT_BYTES_MAX = 16 * 1024 * 1024;
/** The most bytes, mostly of comments, that are kept before the first part of a completion. */
const OPENING_BYTES_MAX = 1024 * 1024;

/**
 * Batches chunks that arrive within 5 ms of the last write. No reader notices 5 ms, and each write costs more than all
 * other work on its events.
 */
const GATHER_MS = 5;
/** Flush at once when this much is buffered. */
const GATHERED_BYTES_MAX = 64 * 1024;

/**
 * A stream in which the client was sent nothing for this long gets a sign of life, since proxies close connections that
 * are silent for 30 to 60 s.
 */
const SILENT_MS_MAX = 15_000;
/** A line that readers of event streams ignore (HTML Standard §9.2.6). */
const KEEP_ALIVE_COMMENT = ': keep-alive\n\n';

/** The error code in the stream when the gateway ends a call. */
const ABORTED = {
  revoked: 'invalid_api_key',
  key_in_doubt: 'keys_unavailable',
  timed_out: 'provider_timeout',
  hold_used_up: 'quota_exceeded',
  oversized: 'provider_failed',
  client_left: 'provider_failed',
  credential_repeated: 'provider_failed',
} as const satisfies Record<AbortReason, ErrorCode>;

/** How a relay ended. */
export type RelayEnd =
  /** All but the last bytes were sent to the client. */
  | {
      readonly kind: 'streamed';
      readonly outcome: CallOutcome;
      readonly broken: EventError | Error | AbortReason | null;
    }
  /** No part of a completion arrived and the client was sent nothing, so another provider may be asked. */
  | (Unopened & { readonly kind: 'rejected'; readonly error: ProviderError; readonly body: Buffer })
  | (Unopened & { readonly kind: 'failed'; readonly error: Error })
  | (Unopened & { readonly kind: 'aborted'; readonly why: AbortReason });

/** The end of a call before any part of a completion. */
interface Unopened {
  /** The usage that the provider reported all the same; null for none. */
  readonly report: UsageReport | null;
}

/**
 * Relays a stream to the client. Chunks of one event-loop turn, and chunks in quick succession, are read and written
 * together. The client is sent nothing before the first part of a completion. The bytes that end the stream wait until
 * its usage is in the journal, so a client that has the whole reply was charged for it.
 */
export class StreamRelay implements RunningCall {
  readonly #speech: Speech;
  readonly #events: StreamReader;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #turn: NodeJS.Immediate | null = null;
  #gathering: NodeJS.Timeout | null = null;
  #writtenAt = -Infinity;
  /** The text before the first part of a completion. */
  #opening = '';
  #tail = '';
  /** For a caller that is told the cost: keeps back the usage until the charge is known. */
  readonly #usageHold: UsageHold | null;
  /** What the stream is judged to have used, once it has ended. */
  #usage: TokenUsage | null = null;
  #state: 'opening' | 'open' | 'settling' | 'finished' = 'opening';
  #upstreamEnded = false;
  #aborted: AbortReason | null = null;
  #deliveredAtLeave: number | null = null;

  constructor(
    private readonly exchange: Journaled,
    private readonly target: Target,
    private readonly controller: Dispatcher.DispatchController,
    private readonly contentType: string,
    private readonly ended: (end: RelayEnd) => void,
  ) {
    this.#speech = speechTo(exchange, target);
    this.#events = this.#speech.readStream(target.provider.mask?.parts ?? null);
    this.#usageHold = exchange.isToldCost ? new UsageHold() : null;
    exchange.providerCall = this;
  }

  push(chunk: Buffer): void {
    // Bytes after the end of the stream, or after an abort, are ignored.
    if (this.#state === 'settling' || this.#state === 'finished' || this.#aborted !== null) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#turn !== null || (this.#gathering !== null && this.#bytes < GATHERED_BYTES_MAX)) return;
    if (this.#gathering === null && performance.now() - this.#writtenAt < GATHER_MS)
      this.#gathering = setTimeout(this.#flush, GATHER_MS);
    else this.#turn = setImmediate(this.#flush);
  }

  /** Call it when the provider has ended its reply. */
  end(): void {
    this.#flush();
    this.#upstreamEnded = true;
    if (this.#state !== 'opening' && this.#state !== 'open') return;
    const rest = this.#events.end();
    this.#pass(rest.events, rest.tail);
    if (this.#events.tellsCredential && this.#state === 'open') return this.#breakOff(this.#noteCredential());
    if (this.#events.error !== null && !this.#events.opened) return this.#reject(this.#events.error);
    if (this.#state === 'opening') return this.#rejectWhole();
    if (rest.done || this.#events.finished)
      return this.#complete(this.#events.error === null ? 'completed' : 'provider_interrupted');
    this.#breakOff(new Error('the stream ended without a finish reason and without [DONE]'));
  }

  /** Call it when the connection broke, or was ended by an abort. */
  fail(error: Error): void {
    this.#flush();
    this.#upstreamEnded = true;
    if (this.#state === 'opening') {
      this.#state = 'finished';
      const { report } = this.#events;
      const why = this.#aborted;
      this.ended(why === null ? { kind: 'failed', error, report } : { kind: 'aborted', why, report });
    } else if (this.#state === 'open') {
      this.#breakOff(this.#aborted ?? error);
    }
  }

  readonly #flush = (): void => {
    if (this.#turn !== null) clearImmediate(this.#turn);
    if (this.#gathering !== null) clearTimeout(this.#gathering);
    this.#turn = this.#gathering = null;
    if (this.#chunks.length === 0) return;
    const only = this.#chunks.length === 1 ? this.#chunks[0] : undefined;
    const bytes = only ?? Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [];
    this.#bytes = 0;
    if (this.#state !== 'opening' && this.#state !== 'open') return;
    const events = this.#events;
    const part = events.take(bytes);
    if (events.error !== null && !events.opened) return this.#reject(events.error);
    this.#pass(part.events, part.tail);
    if (events.tellsCredential) return this.abort(this.#noteCredential());
    if (part.done)
      return events.opened
        ? this.#complete(events.error === null ? 'completed' : 'provider_interrupted')
        : this.#rejectWhole();
    if (events.heldBytes > EVENT_BYTES_MAX || this.#opening.length > OPENING_BYTES_MAX) return this.abort('oversized');
    if (this.target.provider.endAtHold && this.#isHoldUsedUp()) this.abort('hold_used_up');
  };

  /** Sends events to the client, or keeps them until the first part of a completion. */
  #pass(read: string, end: string): void {
    let events = this.#withErrors(read);
    const tail = this.#withErrors(end);
    if (this.#events.opened && this.#state === 'opening') {
      this.#open();
      events = this.#opening + events;
      this.#opening = '';
    }
    if (this.#state === 'opening') this.#opening += events;
    else this.#write(this.#usageHold === null ? events : this.#usageHold.pass(events));
    this.#tail += tail;
  }

  /** The events with the provider's errors as the client reads them. Few streams have an error. */
  #withErrors(events: string): string {
    const { errors } = this.exchange;
    if (this.#events.error === null || errors.withErrors === undefined) return events;
    return errors.withErrors(events, this.#about());
  }

  #about(): StreamAbout {
    const { requestId, ask, startedAtMs } = this.exchange;
    return { requestId, model: ask.model, createdSeconds: Math.floor(startedAtMs / 1_000) };
  }

  /** Sends the headers at the first part of a completion. From now on the reply is this provider's. */
  #open(): void {
    this.#state = 'open';
    const { exchange } = this;
    exchange.firstByteAt = this.#writtenAt = performance.now();
    if (!exchange.clientLeft) exchange.callEndsAt = exchange.callStartedAt + this.target.provider.timeoutMs;
    const { reply } = exchange;
    if (reply.destroyed) return;
    const contentType = this.target.provider.mask?.mask(this.contentType) ?? this.contentType;
    const headers = replyHeaders(exchange);
    headers.push('content-type', contentType, 'cache-control', 'no-cache', 'x-accel-buffering', 'no');
    headers.push(...streamHeaders(exchange, this.target));
    reply.writeHead(200, headers);
  }

  /** Rejects a stream without any part of a completion. It may be a plain reply under a wrong content type. */
  #rejectWhole(): void {
    const data = this.#opening + this.#events.dropped;
    const reply = this.#speech.readReply(Buffer.from(data, 'latin1'), null);
    this.#reject({ ...(reply.kind === 'no_answer' ? reply.error : NO_ANSWER), data }, reply.report);
  }

  #reject(error: EventError, reportOfWhole: UsageReport | null = null): void {
    this.#state = 'finished';
    this.exchange.providerCall = null;
    if (!this.#upstreamEnded) this.controller.abort(new Error('the stream contains no completion'));
    const report = this.#events.report ?? reportOfWhole;
    this.ended({ kind: 'rejected', error, body: Buffer.from(error.data, 'latin1'), report });
  }

  /** Returns the reason for `abort` and `breakOff`. */
  #noteCredential(): 'credential_repeated' {
    this.exchange.credentialRepeatedBy = this.target;
    return 'credential_repeated';
  }

  #isHoldUsedUp(): boolean {
    const { holdNanoUsd } = this.exchange;
    if (holdNanoUsd === null) return false;
    const cost = costOf(this.target.price, this.#judge(false).usage, this.target.priceOf);
    return markedUp(cost, this.exchange) >= holdNanoUsd;
  }

  #write(text: string): void {
    const { exchange } = this;
    const { reply } = exchange;
    if (text === '' || exchange.clientLeft || reply.destroyed) return;
    this.#writtenAt = performance.now();
    const masked = this.target.provider.mask?.mask(text) ?? text;
    if (masked !== text) exchange.credentialRepeatedBy = this.target;
    if (reply.write(masked, 'latin1') || this.#upstreamEnded) return;
    this.controller.pause();
    const stalled = setTimeout(() => reply.destroy(), STALLED_MS_MAX);
    const closed = (): void => clearTimeout(stalled);
    reply.once('close', closed);
    reply.once('drain', () => {
      clearTimeout(stalled);
      reply.off('close', closed);
      this.controller.resume();
    });
  }

  /** Ends a stream that is not complete. If the client is still there, it gets an error event. */
  #breakOff(why: Error | AbortReason): void {
    const { exchange } = this;
    const toldAlready = this.#events.error !== null;
    if (!exchange.clientLeft && !toldAlready) {
      const code = typeof why === 'string' ? ABORTED[why] : 'provider_failed';
      this.#tail += this.#events.errorEvent(code) ?? exchange.errors.event(code, this.#about());
    }
    this.#complete(why === 'revoked' ? 'revoked' : 'provider_interrupted', this.#events.error ?? why);
  }

  #complete(
    outcome: CallOutcome['outcome'],
    broken: EventError | Error | AbortReason | null = this.#events.error,
  ): void {
    this.#state = 'settling';
    const { exchange, target } = this;
    exchange.providerCall = null;
    const { usage, usageSource } = this.#judge(outcome === 'completed' && !this.#events.isReportEarly);
    this.#usage = usage;
    const left = exchange.clientLeft && outcome !== 'revoked';
    this.ended({
      kind: 'streamed',
      outcome: { target, outcome: left ? 'client_left' : outcome, usage, usageSource, finish: () => this.#finish() },
      broken: left ? null : broken,
    });
  }

  /** The usage of the stream as it is now: with its last report, or broken off after what was delivered. */
  #judge(isWhole: boolean): JudgedUsage {
    const { report } = this.#events;
    // Our count is not needed beside a complete report.
    const outputTokens = isWhole && (report?.outputTokens ?? 0) > 0 ? 0 : this.deliveredTokens();
    const counted = { inputTokens: this.exchange.ask.inputTokensEstimate, outputTokens };
    return judgeUsage(report, counted, !isWhole, this.#asked);
  }

  /** What the request asked for, with the tier that the events name instead of the one that it named. */
  get #asked(): Asked {
    const ask = askedOf(this.exchange.ask, this.target);
    const { tierTold } = this.#events;
    if (tierTold === null) return ask;
    const { impliedTool, namedOutputTokens = 0 } = ask;
    return {
      modes: { serviceTier: tierTold, speed: null, inferenceGeo: null },
      impliedTool,
      namedOutputTokens,
    };
  }

  usedSoFar(): UsedSoFar | null {
    return this.#state === 'open' ? { target: this.target, ...this.#judge(false) } : null;
  }

  #finish(): void {
    this.#state = 'finished';
    const { exchange } = this;
    const { reply } = exchange;
    this.#write(this.#usageHold === null ? this.#tail : this.#tailWithCost(this.#usageHold));
    this.#tail = '';
    if (!reply.destroyed) {
      addCostTrailer(exchange, this.target);
      reply.end();
    }
    if (this.#upstreamEnded) return;
    // A provider that has ended its stream usually ends its reply too, and its connection can serve the next request.
    this.controller.resume();
    const late = setTimeout(
      () => this.controller.abort(new Error('the connection outlived its stream')),
      AFTER_DONE_MS_MAX,
    );
    late.unref();
    this.#gathering = late;
  }

  #tailWithCost(hold: UsageHold): string {
    const { requestId, ask } = this.exchange;
    const usage = this.#usage;
    const isWhole = this.#events.error === null && this.#aborted === null;
    const missing = isWhole ? (ask.dialect.usageWords ?? null) : null;
    return hold.finish(this.#tail, toldCost(this.exchange, this.target), (cost) =>
      missing === null || usage === null
        ? ''
        : missing.event({ ...missing.object(usage), ...cost }, requestId, ask.model),
    );
  }

  /** Discards what the client has not read, so that the stream goes on without it. */
  clientLeft(): void {
    this.#deliveredAtLeave = this.#events.countedTokens();
    this.controller.resume();
  }

  deliveredTokens(): number {
    return this.#deliveredAtLeave ?? this.#events.countedTokens();
  }

  /** Sends a sign of life, between two events and only after the first data. It is no text, and counts as nothing. */
  keepAlive(now: number): void {
    if (this.#state !== 'open' || now - this.#writtenAt < SILENT_MS_MAX) return;
    const { ask, clientLeft, reply } = this.exchange;
    if (clientLeft || reply.destroyed || reply.writableNeedDrain) return;
    this.#writtenAt = now;
    reply.write(ask.dialect.keepAlive ?? KEEP_ALIVE_COMMENT, 'latin1');
  }

  /** Ends the stream at once. */
  abort(why: AbortReason): void {
    if (this.#state !== 'open' && this.#state !== 'opening') return;
    this.#aborted = why;
    this.controller.abort(new Error(why));
  }
}
