/**
 * The data of each event of an event stream, read as the standard says: lines end in CR, LF or both, a BOM at the start
 * and comments are no content, data lines of one event are joined, and an event that no blank line ended is none.
 */
export function eventData(text: string): string[] {
  const found: string[] = [];
  let data: string[] = [];
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/);
  for (const line of lines.slice(0, -1)) {
    if (line === '') {
      if (data.length > 0) found.push(data.join('\n'));
      data = [];
    } else if (line === 'data' || line.startsWith('data:')) {
      data.push(line.slice(5).replace(/^ /, ''));
    }
  }
  return found;
}

/** The content that a reader of these events puts together: of the choice with this index, chunk by chunk. */
export function contentOfData(data: readonly string[], choice = 0): string {
  return data.map((each) => deltaContent(each, choice)).join('');
}

function deltaContent(data: string, index: number): string {
  try {
    const { choices } = JSON.parse(data) as {
      choices?: readonly { index: number; delta?: { content?: string | null } }[] | null;
    };
    return choices?.find((choice) => choice.index === index)?.delta?.content ?? '';
  } catch {
    return '';
  }
}
