import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/**
 * What a file holds, or why it cannot be read: the code of the system's error, or one of ours. `too_large`: it has more
 * bytes than it may. `nothing_written`: it is a pipe into which nobody writes. `not_utf8`: it is no text in UTF-8.
 */
type Read<Content> = Content | { readonly code: string };

/** How long a pipe is waited for: what writes into it may take a moment to begin, and to go on. */
const PIPE_MS_MAX = 5_000;
const PIPE_LOOK_MS = 10;

/**
 * Reads a file that an operator has named, whatever it is: a device without end must not fill the memory, and
 * a pipe into which nobody writes must not hold up the process, which hears no signal while it waits.
 */
export function boundedFile(path: string, bytesMax: number, pipeMsMax = PIPE_MS_MAX): Read<{ readonly bytes: Buffer }> {
  try {
    // Without O_NONBLOCK, a named pipe is waited for until somebody opens its other end.
    const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const bytes = readUpTo(file, bytesMax + 1, pipeMsMax);
      if (bytes === null) return { code: 'nothing_written' };
      return bytes.length > bytesMax ? { code: 'too_large' } : { bytes };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return { code: (error as NodeJS.ErrnoException).code ?? 'unknown reason' };
  }
}

/** A pipe gives what it holds in several reads. Null where it gave nothing more in time, and has not ended. */
function readUpTo(file: number, bytes: number, pipeMsMax: number): Buffer | null {
  const stat = fstatSync(file);
  // A file that has no size of its own may hold anything: those below /proc, devices, pipes.
  const chunk = Buffer.alloc(Math.min(bytes, stat.isFile() && stat.size > 0 ? stat.size + 1 : 65_536));
  const chunks: Buffer[] = [];
  let length = 0;
  for (let until = performance.now() + pipeMsMax; length < bytes;) {
    const read = readOrWait(file, chunk.subarray(0, bytes - length));
    if (read > 0) {
      chunks.push(Buffer.from(chunk.subarray(0, read)));
      length += read;
      until = performance.now() + pipeMsMax;
    } else if (read === 0 && (length > 0 || !stat.isFIFO())) break;
    // Nobody has opened the other end yet, or what is there has not written anything.
    else if (performance.now() > until) return null;
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PIPE_LOOK_MS);
  }
  return Buffer.concat(chunks, length);
}

/** The number of bytes read; 0 at the end, -1 where there are none yet. */
function readOrWait(file: number, into: Buffer): number {
  try {
    return readSync(file, into, 0, into.length, null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return -1;
    throw error;
  }
}

/** Reads a file of text in UTF-8, as `boundedFile` reads any. A byte order mark stays in the text. */
export function boundedText(path: string, bytesMax: number): Read<{ readonly text: string }> {
  const file = boundedFile(path, bytesMax);
  if ('code' in file) return file;
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(file.bytes) };
  } catch {
    return { code: 'not_utf8' };
  }
}
