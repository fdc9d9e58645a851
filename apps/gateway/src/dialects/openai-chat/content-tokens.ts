import type { TokenCount } from '../ask.js';

/** What a chat template puts around each message, and around each value of a tool. */
const NODE_TOKENS = 4;

/** The strings, numbers, words and opening brackets of JSON, in a text that is known to be JSON. */
const NODES = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[-\w.+]+|[[{]/gs;
const QUOTE = '"';

/**
 * The most tokens that a body of JSON can be: those of every string, number and opening bracket in it, however often a
 * name repeats, and what a template puts around each value. Null where a string is none of JSON.
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
