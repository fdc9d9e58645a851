/** A request as it came, its body put together. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  /** By lower-case name; of one that came twice the last. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Cuts the bytes of one connection into requests: bodies by their length or in chunks, one after the other. */
export class ReceivedRequests {
  #bytes: Buffer = Buffer.alloc(0);

  /** Takes what arrived and gives the requests that are whole by now. */
  push(bytes: Buffer): ReceivedRequest[] {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const whole: ReceivedRequest[] = [];
    for (let next = this.#next(); next !== null; next = this.#next()) whole.push(next);
    return whole;
  }

  #next(): ReceivedRequest | null {
    const headEnd = this.#bytes.indexOf('\r\n\r\n');
    if (headEnd < 0) return null;
    const [requestLine = '', ...lines] = this.#bytes.toString('latin1', 0, headEnd).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).trim().toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    const rest = this.#bytes.subarray(headEnd + 4);
    const body =
      headers['transfer-encoding'] === 'chunked'
        ? chunkedBody(rest)
        : sizedBody(rest, Number(headers['content-length'] ?? 0));
    if (body === null) return null;
    this.#bytes = Buffer.from(rest.subarray(body.length));
    const [method = '', path = ''] = requestLine.split(' ');
    return { method, path, headers, body: Buffer.from(body.content) };
  }
}

/** The content of a body, and how many bytes it took on the wire; null while some are missing. */
type Body = { readonly content: Buffer; readonly length: number } | null;

function sizedBody(bytes: Buffer, length: number): Body {
  return bytes.length < length ? null : { content: bytes.subarray(0, length), length };
}

function chunkedBody(bytes: Buffer): Body {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (bytes.length < end) return null;
    if (size === 0) return { content: Buffer.concat(parts), length: end };
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = end;
  }
}
