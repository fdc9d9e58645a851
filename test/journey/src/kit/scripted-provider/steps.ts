/**
 * What the scripted provider does next: bytes are sent as they are, a number is waited for in milliseconds (0 lets go
 * of what was written before, so that it travels alone), `reset` and `close` end the connection, `hang` waits until the
 * other side ends it, and `await-x` waits until the test opens the gate x.
 */
export type Step = Uint8Array | number | 'reset' | 'close' | 'hang' | `await-${string}`;

/** What the provider does with one request, from the first byte of its answer on. */
export type Script = readonly Step[];

export interface HeadOptions {
  /** Default `200 OK`. */
  readonly status?: string;
  /** The media type; empty for an answer without one. */
  readonly type?: string;
  /** Further header lines. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The head of an answer, all but the blank line that ends it. */
function headLines({ status = '200 OK', type = '', headers = {} }: HeadOptions): string {
  const lines = Object.entries({ ...(type !== '' && { 'content-type': type }), ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `HTTP/1.1 ${status}\r\n${lines.join('')}`;
}

/** A head alone, with no body yet: `headers` must say how its body ends. */
export function head(options: HeadOptions): Buffer {
  return Buffer.from(`${headLines(options)}\r\n`);
}

/** A whole answer whose length is told. */
export function plain(body: string | Uint8Array, options: HeadOptions = {}): Step[] {
  const bytes = Buffer.from(body);
  return [
    Buffer.concat([
      Buffer.from(`${headLines({ type: 'application/json', ...options })}content-length: ${bytes.length}\r\n\r\n`),
      bytes,
    ]),
  ];
}

/** The head of a stream, after which `part`s and `lastPart` follow. */
export function streamHead(options: HeadOptions = {}): Buffer {
  return Buffer.from(`${headLines({ type: 'text/event-stream', ...options })}transfer-encoding: chunked\r\n\r\n`);
}

/** One chunk of HTTP's chunked coding. */
export function part(bytes: string | Uint8Array): Buffer {
  const content = Buffer.from(bytes);
  return Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from('\r\n')]);
}

/** The end of HTTP's chunked coding. */
export const lastPart: Buffer = Buffer.from('0\r\n\r\n');

/** A stream of steps: bytes go out as parts of their own, all else is done in between. */
export function sse(steps: readonly Step[], options: HeadOptions = {}): Step[] {
  return [...openSse(steps, options), lastPart];
}

/** As `sse`, but the body is not ended. */
export function openSse(steps: readonly Step[], options: HeadOptions = {}): Step[] {
  return [
    streamHead(options),
    ...steps.flatMap((step): Step[] => (step instanceof Uint8Array ? [0, part(step)] : [step])),
  ];
}

/** One event with this data; text goes as it is. `newline` ends its line and the blank line after it. */
export function event(data: unknown, newline = '\n'): Buffer {
  return Buffer.from(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}${newline}${newline}`);
}

/** Bytes as they are, one by one. */
export function byteByByte(bytes: Uint8Array): Buffer[] {
  return Array.from(bytes, (byte) => Buffer.from([byte]));
}
