/** A tokenizer takes some milliseconds for a piece of this many characters. */
export const PIECE_LENGTH = 16 * 1024;
/** How far before the end of a piece white space is looked for. */
const LOOK_BACK = 1_024;
const WHITE_SPACE = /\s/;

/**
 * The pieces of a text, cut before white space where there is any, so that their tokens are those of the whole but for
 * one or two at each cut. No character is cut in two.
 */
export function* piecesOf(text: string): Generator<string, void> {
  let from = 0;
  while (text.length - from > PIECE_LENGTH) {
    const end = endOfPiece(text, from + PIECE_LENGTH);
    yield text.slice(from, end);
    from = end;
  }
  yield text.slice(from);
}

function endOfPiece(text: string, most: number): number {
  for (let at = most - 1; at > most - LOOK_BACK; at--) if (WHITE_SPACE.test(text.charAt(at))) return at;
  const isHalf = /[\ud800-\udbff]/.test(text.charAt(most - 1));
  return isHalf ? most - 1 : most;
}
