type Fields = Readonly<Record<string, unknown>>;

const NO_FIELDS: Fields = {};
/** The names under which servers send reasoning, by their age and maker. */
const REASONING = ['reasoning_content', 'reasoning', 'thinking', 'reasoning_details', 'thinking_blocks'] as const;

/**
 * The texts that a plain reply's message or a stream's delta delivers, in order: content, reasoning, refusal, names and
 * arguments of tools, the transcript of speech. Ids, log probabilities, annotations, signatures and base64 data are
 * left out. Reasoning that is repeated under several names counts once.
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

/** The texts of a parsed chat completion, or of one of its chunks, over all choices. */
export function textsOfChoices(document: unknown): string[] {
  const texts: string[] = [];
  for (const choice of listOf(fieldsOf(document)['choices'])) addChoice(texts, fieldsOf(choice));
  return texts;
}

/** All texts of one choice, including repeated ones. */
export function textsOfChoice(choice: unknown): string[] {
  const fields = fieldsOf(choice);
  const texts = [...textsOf(fields['delta']), ...textsOf(fields['message'])];
  addText(texts, fields['text']);
  return texts;
}

function addChoice(texts: string[], choice: Fields): void {
  // Some streams repeat the whole message so far beside each delta.
  const said = typeof choice['delta'] === 'object' && choice['delta'] !== null ? choice['delta'] : choice['message'];
  for (const text of textsOf(said)) texts.push(text);
  addText(texts, choice['text']);
}

/**
 * Relays send the same reasoning under two or three names, for clients of different ages (OpenRouter: `reasoning` and
 * `reasoning_details`; LiteLLM: `reasoning_content` and `thinking_blocks`). The longest is taken.
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

/** Adds a text, or the texts in a list of parts. Mistral's parts of reasoning contain lists of parts. */
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

/** Some servers send arguments as an object. The model wrote them as JSON text, so that is what counts. */
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
