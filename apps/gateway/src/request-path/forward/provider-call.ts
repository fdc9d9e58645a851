import type { IncomingHttpHeaders } from 'node:http';
import { BodyChunks } from '@tollgate/http';
import type { Dispatcher, Pool } from 'undici';
import type { Speech } from '../../dialects/ask.js';
import type { Target } from '../choose-route/route-table.js';
import { contentCodings, Decoder, type DecodedSink } from '../exchange/content-coding.js';
import { speechTo, type AbortReason, type RunningCall, type Journaled } from '../exchange/exchange.js';
import type { KeyLook } from '../identify-key/look-again.js';
import { smallText } from '../exchange/reply.js';
import { looksLikeEvents } from './sse-reader.js';
import { StreamRelay, type RelayEnd } from './stream-relay.js';

/** Values of `content-encoding` that servers send although they are no codings. */
const NO_CODINGS = /\b(?:none|null|utf-?8|binary|text)\b/gi;
const EVENT_STREAM = 'text/event-stream';

type Rejected = Extract<RelayEnd, { kind: 'rejected' }>;

/** The result of one call to a provider. */
export type Attempt =
  | Exclude<RelayEnd, Rejected>
  | (Rejected & { readonly headers: IncomingHttpHeaders })
  /** A whole reply of any status. Nothing was sent to the client yet. */
  | {
      readonly kind: 'replied';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: Buffer;
      /** The body as latin1 if it is small: it is searched and sent in this form. Null otherwise. */
      readonly text: string | null;
    };

/** Sends the request to one target, and resolves when its answer is complete. Never rejects. */
export function callProvider(exchange: Journaled, target: Target, look: Pick<KeyLook, 'maySend'>): Promise<Attempt> {
  const { provider } = target;
  exchange.callStartedAt = performance.now();
  exchange.callEndsAt =
    exchange.callStartedAt + (exchange.ask.stream ? provider.firstByteTimeoutMs : provider.timeoutMs);
  return new Promise((resolve) => new ProviderCall(exchange, target, look, resolve).send(provider.pool));
}

/**
 * One request on undici. No closure refers to its controller, and the reference is cleared at the end. With a closure
 * the young generation's collector took ended requests for live ones, and copying them cost a fifth of all CPU time.
 */
class ProviderCall implements Dispatcher.DispatchHandler, RunningCall, DecodedSink {
  #controller: Dispatcher.DispatchController | null = null;
  #relay: StreamRelay | null = null;
  #decoder: Decoder | null = null;
  /** The connection's error, while bytes that arrived before it are still being decoded. */
  #error: Error | null = null;
  readonly #chunks = new BodyChunks();
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #aborted: AbortReason | null = null;
  /** Whether the reply may be an event stream under another content type. */
  #mayBeStream = false;
  #over = false;
  #triedAgain = false;
  readonly #speech: Speech;
  readonly #body: Buffer;

  constructor(
    private readonly exchange: Journaled,
    private readonly target: Target,
    private readonly look: Pick<KeyLook, 'maySend'>,
    private readonly resolve: (attempt: Attempt) => void,
  ) {
    exchange.providerCall = this;
    this.#speech = speechTo(exchange, target);
    this.#body = this.#speech.bodyFor(target, exchange);
    target.provider.load.calls += 1;
  }

  send(pool: Pool): void {
    const {
      exchange,
      target: { provider, model },
    } = this;
    pool.dispatch(
      {
        origin: '',
        path: provider.pathOf(this.#speech.operation, model),
        method: 'POST',
        headers: [
          ...provider.headers,
          ...(exchange.callerHeaders?.get(provider)?.sent ?? provider.defaultHeaders),
          'accept',
          exchange.ask.stream ? EVENT_STREAM : 'application/json',
          'x-request-id',
          exchange.requestId,
        ],
        body: this.#body,
        // The time-outs of a call are those of its exchange (`callEndsAt`), which are shorter after the client has
        // left.
        headersTimeout: 0,
        bodyTimeout: 0,
        reset: pool === provider.freshPool,
      },
      this,
    );
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // The call may have waited for this connection, and the key may have ended meanwhile.
    if (!this.look.maySend(this.exchange)) this.#aborted ??= this.exchange.keyEnd === null ? 'key_in_doubt' : 'revoked';
    if (this.#aborted !== null) controller.abort(new Error(this.#aborted));
  }

  abort(why: AbortReason): void {
    if (this.#aborted !== null) return;
    this.#aborted = why;
    if (this.#controller !== null) this.#controller.abort(new Error(why));
    // The call still waits for a connection.
    else this.#finish({ kind: 'aborted', why, report: null });
  }

  clientLeft(): void {
    // A plain reply is read to its end, or until its time-out.
  }

  deliveredTokens(): number {
    return 0;
  }

  usedSoFar(): null {
    return null;
  }

  keepAlive(): void {
    // Nothing is sent before the first data: the status is still open, and another target may be tried.
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.exchange.firstByteAt = performance.now();
    this.#status = status;
    this.#headers = headers;
    const coding = headerOf(headers, 'content-encoding');
    if (coding !== '') this.#decode(controller, coding);
    if (!this.exchange.ask.stream || status >= 300) return;
    if (isEventStream(headerOf(headers, 'content-type'))) this.#openRelay(controller);
    else this.#mayBeStream = true;
  }

  #decode(controller: Dispatcher.DispatchController, coding: string): void {
    const codings = contentCodings(coding.replace(NO_CODINGS, ''));
    if (codings === undefined)
      controller.abort(new Error(`the provider's reply has an unknown content coding: ${coding.slice(0, 40)}`));
    else if (codings.length > 0) this.#decoder = new Decoder(codings, this);
  }

  #openRelay(controller: Dispatcher.DispatchController): void {
    this.#mayBeStream = false;
    const label = headerOf(this.#headers, 'content-type');
    this.#relay = new StreamRelay(
      this.exchange,
      this.target,
      controller,
      isEventStream(label) ? label : EVENT_STREAM,
      (end) => this.#finish(end.kind === 'rejected' ? { ...end, headers: this.#headers } : end),
    );
    if (this.#chunks.bytes > 0) this.#relay.push(this.#chunks.take());
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#decoder === null) this.data(chunk);
    else this.#decoder.write(chunk);
  }

  data(chunk: Buffer): void {
    if (this.#relay !== null) return this.#relay.push(chunk);
    this.#chunks.add(chunk);
    if (this.#chunks.bytes > this.#speech.replyBytesMax) return this.abort('oversized');
    if (!this.#mayBeStream) return;
    const come = this.#chunks.take();
    this.#chunks.add(come);
    const verdict = looksLikeEvents(come);
    if (verdict === true && this.#controller !== null) this.#openRelay(this.#controller);
    else if (verdict === false) this.#mayBeStream = false;
  }

  onResponseEnd(): void {
    if (this.#decoder === null) this.ended();
    else this.#decoder.end();
  }

  /** The reply is complete and decoded, or decoding failed. */
  ended(error?: Error): void {
    const failure = this.#error ?? error;
    if (failure !== undefined) {
      // A reply that cannot be decoded need not be received to its end.
      if (this.#error === null) this.#controller?.abort(failure);
      return this.#fail(failure);
    }
    if (this.#relay !== null) return this.#relay.end();
    const body = this.#chunks.take();
    this.#finish({ kind: 'replied', status: this.#status, headers: this.#headers, body, text: smallText(body) });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#decoder === null) return this.#fail(error);
    this.#error = error;
    this.#decoder.end();
  }

  #fail(error: Error): void {
    if (this.#relay !== null) return this.#relay.fail(error);
    if (this.#isWorthAnotherConnection(error)) {
      this.#controller = null;
      this.#triedAgain = true;
      return this.send(this.target.provider.freshPool);
    }
    const why = this.#aborted;
    this.#finish(why === null ? { kind: 'failed', error, report: null } : { kind: 'aborted', why, report: null });
  }

  /** True for a reused connection that died before any answer, since the provider cannot have handled the request. */
  #isWorthAnotherConnection(error: Error & { code?: string }): boolean {
    return (
      error.code === 'ERR_DEAD_CONNECTION' && !this.#triedAgain && this.#aborted === null && !this.exchange.clientLeft
    );
  }

  #finish(attempt: Attempt): void {
    if (this.#over) return;
    this.#over = true;
    this.target.provider.load.calls -= 1;
    if (this.exchange.providerCall === this) this.exchange.providerCall = null;
    this.#controller = null;
    this.resolve(attempt);
  }
}

function isEventStream(contentType: string): boolean {
  return contentType.startsWith(EVENT_STREAM) || contentType.trimStart().toLowerCase().startsWith(EVENT_STREAM);
}

/** The value of a header, or the empty text. If a provider sends it several times, the first value counts. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}
