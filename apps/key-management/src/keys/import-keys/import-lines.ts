/** One line of a body; null instead of its bytes where it is longer than a line may be. */
export interface Line {
  /** From 1 on, blank lines counted. */
  readonly number: number;
  readonly bytes: Buffer | null;
}

/** A key with every list as long as it may be takes less. */
export const LINE_BYTES_MAX = 65_536;

const LINE_FEED = 0x0a;
const NOTHING = Buffer.alloc(0);

/**
 * The lines of a body that are not blank, as they come: no more of it is read than the caller has asked for. A line
 * that is too long is passed over, and never kept whole.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, bytesMax = LINE_BYTES_MAX): AsyncGenerator<Line> {
  let [number, rest, tooLong] = [1, NOTHING, false];
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, from)) {
      const length = rest.length + end - from;
      if (tooLong || length > bytesMax) yield { number, bytes: null };
      else {
        const line = rest.length === 0 ? bytes.subarray(from, end) : Buffer.concat([rest, bytes.subarray(from, end)]);
        if (!isBlank(line)) yield { number, bytes: line };
      }
      [number, rest, tooLong, from] = [number + 1, NOTHING, false, end + 1];
    }
    tooLong ||= rest.length + bytes.length - from > bytesMax;
    // A copy: the chunk's memory is the connection's, and what waits for its end is short.
    rest = tooLong ? NOTHING : Buffer.concat([rest, bytes.subarray(from)]);
  }
  if (tooLong) yield { number, bytes: null };
  else if (!isBlank(rest)) yield { number, bytes: rest };
}

/** Spaces, tabs and the carriage return of a file that was written on Windows. */
const isBlank = (line: Buffer): boolean => line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
