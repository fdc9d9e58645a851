/** Longer than any line of an export: a file without line ends is not one. */
const LINE_LENGTH_MAX = 16 * 1_048_576;

/**
 * The lines of a text that comes in chunks, split at `\n` alone: `node:readline` also splits at U+2028, which JSON has
 * in its strings as it is.
 * @throws {Error} at a line that no export has
 */
export async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const parts = `${rest}${chunk}`.split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > LINE_LENGTH_MAX) throw new Error('the file has a line that is longer than any of an export');
    yield* parts;
  }
  if (rest !== '') yield rest;
}
