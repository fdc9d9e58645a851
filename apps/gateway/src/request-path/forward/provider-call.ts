import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Target } from '../choose-route/route-table.js';
import type { AbortReason, CallUnderWay, Exchange } from '../exchange.js';
import type { CallOutcome } from './call.js';
import { StreamRelay } from './stream-relay.js';
import { upstreamBody } from './upstream-body.js';

/** A plain reply above this is no chat completion. */
const REPLY_BYTES_MAX = 64 * 1024 * 1024;

/** What one provider did with a request. */
export type Attempt =
  /** A whole reply, of any status; nothing was sent to the client yet. */
  | { readonly kind: 'replied'; readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }
  /** A stream that has ended; all but its last bytes are with the client. */
  | { readonly kind: 'streamed'; readonly outcome: CallOutcome }
  | { readonly kind: 'failed'; readonly error: Error & { code?: string } }
  | { readonly kind: 'aborted'; readonly why: AbortReason };

/** Sends the request to one target, and resolves when its answer is all there. Never rejects. */
export function callProvider(exchange: Exchange, target: Target): Promise<Attempt> {
  return new Promise((resolve) => {
    const { provider } = target;
    const call = new ProviderCall(exchange, target, resolve);
    exchange.callEndsAt = performance.now() + provider.timeoutMs;
    const options: Dispatcher.DispatchOptions = {
      origin: '',
      path: provider.chatPath,
      method: 'POST',
      headers: [...provider.headers, 'accept', exchange.stream ? 'text/event-stream' : 'application/json', 'x-request-id', exchange.requestId],
      body: upstreamBody(exchange, target.model),
      headersTimeout: exchange.stream ? provider.firstByteTimeoutMs : provider.timeoutMs,
      bodyTimeout: provider.timeoutMs,
    };
    provider.pool.dispatch(options, call);
  });
}

/**
 * One request on undici. No closure holds its controller, and it is let go at the end: with a closure in between, the
 * young generation's collector took ended requests for living ones, and their copying cost a fifth of all CPU.
 */
class ProviderCall implements Dispatcher.DispatchHandler, CallUnderWay {
  #controller: Dispatcher.DispatchController | null = null;
  #relay: StreamRelay | null = null;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #aborted: AbortReason | null = null;

  constructor(private readonly exchange: Exchange, private readonly target: Target, private readonly resolve: (attempt: Attempt) => void) {}

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.exchange.call = this;
    if (this.exchange.revoked) this.abort('revoked');
  }

  abort(why: AbortReason): void {
    this.#aborted = why;
    this.#controller?.abort(new Error(why));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.exchange.firstByteAt = performance.now();
    this.#status = status;
    this.#headers = headers;
    const contentType = contentTypeOf(headers);
    if (this.exchange.stream && status === 200 && contentType.startsWith('text/event-stream')) {
      this.#relay = new StreamRelay(this.exchange, this.target, controller, contentType, (outcome) => this.resolve({ kind: 'streamed', outcome }));
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#relay !== null) return this.#relay.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > REPLY_BYTES_MAX) controller.abort(new Error(`the provider's reply has more than ${REPLY_BYTES_MAX} bytes`));
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#relay !== null) return this.#relay.end();
    this.#end();
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#bytes);
    this.resolve({ kind: 'replied', status: this.#status, headers: this.#headers, body });
  }

  #end(): void {
    this.exchange.call = null;
    this.#controller = null;
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#relay !== null) return this.#relay.fail();
    this.#end();
    this.resolve(this.#aborted === null ? { kind: 'failed', error } : { kind: 'aborted', why: this.#aborted });
  }
}

/** A header that a provider sends twice comes as a list. */
export function contentTypeOf(headers: IncomingHttpHeaders): string {
  const value = headers['content-type'] as string | string[] | undefined;
  return (Array.isArray(value) ? value[0] : value) ?? '';
}
