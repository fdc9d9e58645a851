/** One `data:` event of a stream. */
export interface StreamEvent {
  readonly data: string;
  /** The data as JSON; undefined where it is none, as in `[DONE]`. */
  readonly json: ChatChunk | undefined;
}

/** A chunk of a streamed chat completion, or an error in mid-stream. */
export interface ChatChunk {
  readonly id?: string;
  readonly choices?: readonly {
    readonly index: number;
    readonly delta: { readonly content?: string };
    readonly finish_reason: string | null;
  }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  readonly error?: { readonly message: string; readonly type: string; readonly code: string };
}

/** The whole events of a stream's text, comments left out. An event cut off at the end is not one. */
export function eventsOf(text: string): StreamEvent[] {
  return text
    .split('\n\n')
    .slice(0, -1)
    .flatMap((block) => {
      const data = block
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trimStart())
        .join('\n');
      return data === '' ? [] : [{ data, json: parsed(data) }];
    });
}

/** What a reader of the stream has read: the content of all chunks of the first choice. */
export function contentOf(events: readonly StreamEvent[]): string {
  return events.map(({ json }) => json?.choices?.find((choice) => choice.index === 0)?.delta.content ?? '').join('');
}

function parsed(data: string): ChatChunk | undefined {
  try {
    return JSON.parse(data) as ChatChunk;
  } catch {
    return undefined;
  }
}
