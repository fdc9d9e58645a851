/** `word0 word1 word2 …`, one word for each token. */
export function words(count: number, first = 0): string {
  return Array.from({ length: count }, (_, i) => `word${first + i}`).join(' ');
}

/** Exactly `bytes` bytes of ASCII. */
function padding(bytes: number): string {
  return '0123456789abcdef'.repeat(Math.ceil(bytes / 16)).slice(0, bytes);
}

/** Cuts a text into that many pieces of almost equal length. */
export function cut(text: string, pieces: number): readonly string[] {
  const at = (i: number) => Math.floor((i * text.length) / pieces);
  return Array.from({ length: pieces }, (_, i) => text.slice(at(i), at(i + 1)));
}

let lastCut: { key: string; pieces: readonly string[] } = { key: '', pieces: [] };

/**
 * Text of that many tokens, or bytes, in pieces. It remembers the last one: a load test asks for the same a million
 * times.
 */
export function plainContent(tokens: number, chunks: number, bytes: number | undefined): readonly string[] {
  const key = `${tokens}/${chunks}/${bytes}`;
  if (lastCut.key !== key) lastCut = { key, pieces: cut(bytes === undefined ? words(tokens) : padding(bytes), chunks) };
  return lastCut.pieces;
}
