type Fields = Readonly<Record<string, unknown>>;

/**
 * The texts of a body of Messages that a model reads: the system prompt, the turns with calls and results, and the
 * definitions of tools as JSON. Data of images and documents is not among them. Null if the body cannot be read.
 */
export function countedTexts(body: Buffer): readonly string[] | null {
  let request: unknown;
  try {
    request = JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
  const texts: string[] = [];
  const { system, messages, tools } = fieldsOf(request) as { system?: unknown; messages?: unknown; tools?: unknown };
  addContent(texts, system);
  for (const message of listOf(messages)) addContent(texts, fieldsOf(message)['content']);
  for (const tool of listOf(tools)) texts.push(definitionOf(fieldsOf(tool)));
  return texts;
}

/** What the model is told of a tool. Marks for caches and settings of the provider's are no text. */
function definitionOf({ name, description, input_schema }: Fields): string {
  return JSON.stringify({ name, description, input_schema });
}

function addContent(texts: string[], content: unknown): void {
  if (typeof content === 'string') texts.push(content);
  for (const block of listOf(content)) addBlock(texts, fieldsOf(block));
}

function addBlock(texts: string[], block: Fields): void {
  for (const name of ['text', 'thinking', 'title', 'context', 'name'] as const) {
    const value = block[name];
    if (typeof value === 'string') texts.push(value);
  }
  if (typeof block['input'] === 'object' && block['input'] !== null) texts.push(JSON.stringify(block['input']));
  addContent(texts, block['content']);
  const source = fieldsOf(block['source']);
  if (source['type'] === 'text' && typeof source['data'] === 'string') texts.push(source['data']);
  addContent(texts, source['content']);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
