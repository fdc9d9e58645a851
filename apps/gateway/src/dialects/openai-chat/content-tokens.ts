import type { TokenCount } from '../ask.js';

/** Tokens that a chat template adds to each message, and to each value of a tool. */
const NODE_TOKENS = 4;

/** Matches the strings, numbers, words and opening brackets of a text that is known to be JSON. */
const NODES = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[-\w.+]+|[[{]/gs;
const QUOTE = '"';

/**
 * An upper bound of the tokens of a JSON body: those of every string, number and opening bracket, including repeated
 * names, and of what a template adds to each value. Null if a string is invalid JSON.
 */
export function tokensOf(body: Buffer, count: TokenCount): number | null {
  let tokens = 0;
  try {
    for (const [node, colon] of body.toString('utf8').matchAll(NODES)) {
      if (colon === undefined) tokens += NODE_TOKENS;
      if (!node.startsWith(QUOTE)) tokens += count(node);
      else tokens += count(JSON.parse(colon === undefined ? node : node.slice(0, -colon.length)) as string);
    }
  } catch {
    return null;
  }
  return tokens;
}
