import type { Socket } from 'node:net';

/** The beginning of each request that undici writes to a provider. */
const REQUEST_START = 'POST ';
const INTERIM = Buffer.from('HTTP/1.1 1');
/** The only final 1xx: another protocol follows it, which the gateway never asks for. */
const SWITCHING = Buffer.from('HTTP/1.1 101');
const VERSION_DIGIT = 7;
const HEAD_END = Buffer.from('\r\n\r\n');
/** An interim reply has at most this many bytes. */
const INTERIM_BYTES_MAX = 4_096;

/** Raised if a connection that had served requests before died before the first byte of the present answer. */
class DeadConnectionError extends Error {
  readonly code = 'ERR_DEAD_CONNECTION';

  constructor(cause?: Error) {
    super('the kept connection to the provider was closed before it answered', { cause });
  }
}

/**
 * Handles two cases on a connection to a provider that undici does not.
 *
 * Removes interim replies (`100 Continue`, `103 Early Hints`): a client must accept them even if it did not ask for
 * them (RFC 9110 §15.2), but undici closes the connection at a 100. If a connection is closed between two requests,
 * just as the second is sent, that request ends with a `DeadConnectionError`: the provider cannot have answered it, so
 * it may be sent again on a fresh connection.
 */
export function watchProviderSocket(socket: Socket): Socket {
  const watch = new SocketWatch(socket);
  const write = socket.write.bind(socket) as (chunk: unknown, encoding?: unknown, written?: unknown) => boolean;
  const read = socket.read.bind(socket);
  socket.write = ((chunk: unknown, encoding?: unknown, written?: unknown) => {
    if (typeof chunk === 'string' && chunk.startsWith(REQUEST_START)) watch.requestWritten();
    return write(chunk, encoding, written);
  }) as Socket['write'];
  socket.read = (size?: number): Buffer | null => {
    const bytes = read(size) as Buffer | null;
    return bytes === null || !watch.awaitsHead ? bytes : watch.headBytes(bytes);
  };
  // These listeners run before undici's own, which end the request.
  socket.on('end', () => watch.closed());
  socket.on('close', () => watch.closed());
  socket.on('error', (error) => watch.failed(error));
  return socket;
}

class SocketWatch {
  /** True while a request was written and no byte of its final answer has been read. */
  awaitsHead = false;
  #requests = 0;
  #answered = false;
  #held: Buffer | null = null;

  constructor(private readonly socket: Socket) {}

  requestWritten(): void {
    this.awaitsHead = true;
    this.#answered = false;
    this.#requests += 1;
  }

  /** Removes interim replies from the bytes. Null if it is still open whether the bytes are one. */
  headBytes(bytes: Buffer): Buffer | null {
    this.#answered = true;
    let rest = this.#held === null ? bytes : Buffer.concat([this.#held, bytes]);
    this.#held = null;
    while (isInterim(rest)) {
      const end = rest.length < SWITCHING.length ? -1 : rest.indexOf(HEAD_END);
      if (end === -1) {
        if (rest.length > INTERIM_BYTES_MAX) break;
        this.#held = rest;
        return null;
      }
      rest = rest.subarray(end + HEAD_END.length);
      if (rest.length === 0) return null;
    }
    this.awaitsHead = false;
    return rest;
  }

  get #isDead(): boolean {
    return this.awaitsHead && !this.#answered && this.#requests > 1;
  }

  closed(): void {
    if (!this.#isDead) return;
    this.awaitsHead = false;
    if (!this.socket.destroyed) this.socket.destroy(new DeadConnectionError());
  }

  failed(error: Error & { code?: string }): void {
    if (this.#isDead) error.code = 'ERR_DEAD_CONNECTION';
  }
}

/** Whether the bytes are, or may become, the beginning of `HTTP/1.x 1` followed by anything but `01`. */
function isInterim(bytes: Buffer): boolean {
  return (
    bytes.length > 0 && beginsLike(bytes, INTERIM) && (bytes.length < SWITCHING.length || !beginsLike(bytes, SWITCHING))
  );
}

/** Compares the bytes with `start` for as long as both last. The minor version may differ. */
function beginsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  for (let at = 0; at < length; at++) if (at !== VERSION_DIGIT && bytes[at] !== start[at]) return false;
  return true;
}
