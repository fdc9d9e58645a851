type Fields = Readonly<Record<string, unknown>>;

const NO_FIELDS: Fields = {};
/** Names that reasoning has, by the age and the maker of a server. */
const REASONING = ['reasoning_content', 'reasoning', 'thinking', 'reasoning_details', 'thinking_blocks'] as const;

/**
 * The texts that the message of a plain reply or the delta of a stream delivers, in order: content, reasoning,
 * refusal, names and arguments of tools, the transcript of speech. Ids, log probabilities, annotations, signatures
 * and base64 data are none. Reasoning that stands there under several names counts once.
 */
export function textsOf(messageOrDelta: unknown): string[] {
  const fields = fieldsOf(messageOrDelta);
  const texts = reasoningOf(fields);
  addContent(texts, fields['content']);
  addText(texts, fields['refusal']);
  addText(texts, fieldsOf(fields['audio'])['transcript']);
  for (const call of listOf(fields['tool_calls'])) {
    addFunction(texts, fieldsOf(call)['function']);
    addFunction(texts, fieldsOf(call)['custom']);
  }
  addFunction(texts, fields['function_call']);
  return texts;
}

/** The texts of a chat completion or of one chunk of it, already parsed, over all its choices. */
export function textsOfChoices(document: unknown): string[] {
  const texts: string[] = [];
  for (const choice of listOf(fieldsOf(document)['choices'])) addChoice(texts, fieldsOf(choice));
  return texts;
}

/** All texts of one choice, also those that are told twice. */
export function textsOfChoice(choice: unknown): string[] {
  const fields = fieldsOf(choice);
  const texts = [...textsOf(fields['delta']), ...textsOf(fields['message'])];
  addText(texts, fields['text']);
  return texts;
}

function addChoice(texts: string[], choice: Fields): void {
  // Some streams repeat beside each delta the whole message so far.
  const said = typeof choice['delta'] === 'object' && choice['delta'] !== null ? choice['delta'] : choice['message'];
  for (const text of textsOf(said)) texts.push(text);
  addText(texts, choice['text']);
}

/**
 * Relays send the same reasoning under two or three names, for clients of different ages (OpenRouter: `reasoning` and
 * `reasoning_details`; LiteLLM: `reasoning_content` and `thinking_blocks`): the longest is taken.
 */
function reasoningOf(fields: Fields): string[] {
  let longest: string[] = [];
  for (const name of REASONING) {
    const value = fields[name];
    if (value === undefined || value === null) continue;
    const texts: string[] = [];
    addContent(texts, value);
    if (lengthOf(texts) > lengthOf(longest)) longest = texts;
  }
  return longest;
}

/** A text, or a list of parts that hold texts; Mistral's parts of reasoning hold lists of parts. */
function addContent(texts: string[], content: unknown): void {
  addText(texts, content);
  for (const part of listOf(content)) {
    const fields = fieldsOf(part);
    addText(texts, part);
    addText(texts, fields['text']);
    addText(texts, fields['refusal']);
    addText(texts, fields['summary']);
    addText(texts, fields['thinking']);
    for (const inner of listOf(fields['thinking'])) addText(texts, fieldsOf(inner)['text']);
  }
}

/** Arguments that come as an object, not as JSON in a text, were written as JSON by the model all the same. */
function addFunction(texts: string[], value: unknown): void {
  const fields = fieldsOf(value);
  addText(texts, fields['name']);
  for (const argument of [fields['arguments'], fields['input']]) {
    addText(texts, typeof argument === 'object' && argument !== null ? JSON.stringify(argument) : argument);
  }
}

function addText(texts: string[], value: unknown): void {
  if (typeof value === 'string' && value !== '') texts.push(value);
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : NO_FIELDS;
}
