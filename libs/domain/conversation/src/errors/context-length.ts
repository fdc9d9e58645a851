/** How long a request was, as far as its provider says, in tokens. */
interface Lengths {
  readonly input: number;
  /** The ceiling of the output; null if it does not count, or is not told. */
  readonly output: number | null;
  /** What input and output have room in together. */
  readonly context: number;
}

/** Where providers name the length of the input, of the output, and of the context. */
const INPUT = [
  /(\d+) tokens? > \d+ maximum/,
  /context limit: (\d+) \+ \d+ > \d+/,
  /\((\d+) (?:tokens )?(?:in|of|from) (?:the |your )?(?:input |text )?(?:messages|prompt|input)/,
  /(\d+) tokens from the input/,
  /messages resulted in (\d+) tokens/,
  /prompt contains (?:at least )?(\d+) (?:input )?tokens/,
  /(?:request|input) (?:contains|has) (\d+) (?:input )?tokens/,
  /input token count \(?(\d+)/,
  /request \((\d+) tokens\)/,
  /requested (?:about )?(\d+) tokens/,
];
const OUTPUT = [
  /context limit: \d+ \+ (\d+) > \d+/,
  /(\d+) (?:tokens )?(?:in|for) the (?:completion|output)/,
  /requested (\d+) output tokens/,
  /tokens'? is too large: (\d+)/,
  /(\d+) more are asked for as output/,
];
const CONTEXT = [
  /\d+ tokens? > (\d+) maximum/,
  /context limit: \d+ \+ \d+ > (\d+)/,
  /maximum (?:context|prompt) length (?:is|of) (\d+)/,
  /(\d+) maximum context length/,
  /maximum number of tokens allowed \(?(\d+)/,
  /available context size \((\d+) tokens\)/,
];

const WINDOW = /context (?:length|window)/i;

/**
 * An error of a request that is too long, in the words that clients of Anthropic look for. Claude Code shortens its
 * conversation after "prompt is too long", and its output after the other sentence, with the numbers in it.
 */
export function tooLongForAnthropic(words: string | null): string {
  const lengths = lengthsIn(words);
  if (lengths === null) return words === null ? 'prompt is too long' : startingWith('prompt is too long', words);
  const { input, output, context } = lengths;
  return input > context || output === null
    ? `prompt is too long: ${input} tokens > ${context} maximum`
    : `input length and \`max_tokens\` exceed context limit: ${input} + ${output} > ${context}`;
}

/** The same in the words that clients of OpenAI look for: "maximum context length" or "context window". */
export function tooLongForOpenAi(words: string | null): string {
  const lengths = lengthsIn(words);
  if (lengths === null)
    return words !== null && WINDOW.test(words)
      ? words
      : startingWith('Your input exceeds the context window of this model', words);
  const { input, output, context } = lengths;
  const asked = output === null ? '' : `, and ${output} more are asked for as output`;
  return `This model's maximum context length is ${context} tokens. The input has ${input} tokens${asked}.`;
}

function startingWith(phrase: string, words: string | null): string {
  if (words === null) return `${phrase}.`;
  return words.toLowerCase().startsWith(phrase.toLowerCase()) ? words : `${phrase}: ${words}`;
}

/** The lengths that an error names. Null if it does not name them all, or if they do not explain it. */
function lengthsIn(words: string | null): Lengths | null {
  if (words === null) return null;
  const text = words.replace(/(\d),(?=\d{3})/g, '$1').toLowerCase();
  const input = firstNumber(text, INPUT);
  const context = firstNumber(text, CONTEXT);
  if (input === null || context === null) return null;
  const output = firstNumber(text, OUTPUT);
  if (input > context) return { input, output: null, context };
  return output !== null && input + output > context ? { input, output, context } : null;
}

function firstNumber(text: string, places: readonly RegExp[]): number | null {
  for (const place of places) {
    const found = place.exec(text)?.[1];
    if (found !== undefined && Number.isSafeInteger(Number(found))) return Number(found);
  }
  return null;
}
