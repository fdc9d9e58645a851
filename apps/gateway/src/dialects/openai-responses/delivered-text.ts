type Fields = Readonly<Record<string, unknown>>;

const NO_FIELDS: Fields = {};
/** The fields of an item that the model wrote, besides its parts. */
const WRITTEN = ['name', 'arguments', 'input', 'code'] as const;

/**
 * The texts that an output item delivers, in order: thoughts, text, refusals, names and arguments of calls, programs.
 * Ids, annotations, encrypted content and what tools of the provider found are left out.
 */
export function textsOfItem(item: unknown): string[] {
  const texts: string[] = [];
  const fields = fieldsOf(item);
  for (const list of [fields['summary'], fields['content']])
    for (const part of listOf(list)) {
      addText(texts, fieldsOf(part)['text']);
      addText(texts, fieldsOf(part)['refusal']);
    }
  for (const name of WRITTEN) addText(texts, fields[name]);
  return texts;
}

/** The texts of all output items of a parsed response. */
export function textsOfResponse(response: unknown): string[] {
  return listOf(fieldsOf(response)['output']).flatMap(textsOfItem);
}

function addText(texts: string[], value: unknown): void {
  if (typeof value === 'string' && value !== '') texts.push(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : NO_FIELDS;
}
