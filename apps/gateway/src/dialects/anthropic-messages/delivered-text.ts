type Fields = Readonly<Record<string, unknown>>;

const NO_FIELDS: Fields = {};

/**
 * The texts that the blocks of an answer deliver: text, thoughts, names and inputs of tools, summaries. Signatures,
 * ids, citations and what tools of the provider found are no output.
 */
function textsOfBlock(block: unknown): string[] {
  const fields = fieldsOf(block);
  const texts: string[] = [];
  switch (fields['type']) {
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use': {
      addText(texts, fields['name']);
      const input = fields['input'];
      // A stream opens a call with an empty input, and delivers it in deltas.
      if (typeof input === 'object' && input !== null && Object.keys(input).length > 0)
        texts.push(JSON.stringify(input));
      return texts;
    }
    case 'compaction':
      addText(texts, fields['content']);
      return texts;
    default:
      addText(texts, fields['text']);
      addText(texts, fields['thinking']);
      return texts;
  }
}

/** The texts of a whole answer. */
export function textsOfMessage(message: unknown): string[] {
  const { content } = fieldsOf(message) as { content?: unknown };
  return Array.isArray(content) ? content.flatMap(textsOfBlock) : [];
}

/** The texts of one event of a stream. */
export function textsOfEvent(event: unknown): string[] {
  const fields = fieldsOf(event);
  switch (fields['type']) {
    case 'content_block_start':
      return textsOfBlock(fields['content_block']);
    case 'content_block_delta':
      return textsOfDelta(fieldsOf(fields['delta']));
    case 'message_start':
      return textsOfMessage(fields['message']);
    default:
      return [];
  }
}

function textsOfDelta(delta: Fields): string[] {
  const texts: string[] = [];
  for (const name of ['text', 'thinking', 'partial_json', 'content']) addText(texts, delta[name]);
  return texts;
}

function addText(texts: string[], value: unknown): void {
  if (typeof value === 'string' && value !== '') texts.push(value);
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : NO_FIELDS;
}
