/** Where a client is pointed: what its user would write into its settings. */
export interface Place {
  /** An origin without a path, as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly secret: string;
  readonly model: string;
}

/** What a client made of an answer. */
export interface Said {
  readonly text: string;
  /** In how many pieces the text came; 1 for a plain answer. */
  readonly pieces: number;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
}

/** A call of a tool, as a client shows it to its user. */
export interface Called {
  readonly name: string;
  readonly input: unknown;
}

/** An error, as a client shows it to its user. */
export interface Failed {
  readonly status: number | undefined;
  readonly message: string;
}

/** A client that is pointed somewhere. Each function is one call, or one turn of tools, in the client's own way. */
export interface Connected {
  plain(prompt: string): Promise<Said>;
  streamed(prompt: string): Promise<Said>;
  /** Declares `TOOLS`, streams, sends back the result `sunny` for each call, streams again. */
  tools?(prompt: string): Promise<{ readonly calls: readonly Called[]; readonly said: Said }>;
  /** Shows the picture `IMAGE` beside the prompt. */
  image?(prompt: string): Promise<Said>;
  /** Asks for JSON that fits `SCHEMA`. */
  structured?(prompt: string): Promise<unknown>;
  /** Vectors of these texts, by the model `vectors`. */
  embeddings?(texts: readonly string[]): Promise<readonly (readonly number[])[]>;
  /** The ids of all models. */
  models?(): Promise<readonly string[]>;
  /** Starts a stream and leaves after the first piece. */
  cancelled?(prompt: string): Promise<void>;
  /** What an error that a call was rejected with says. */
  failed(error: unknown): Failed;
  close?(): Promise<void>;
}

/** One client in the table. */
export interface Client {
  readonly name: string;
  /** The path that it calls, which is also the dialect. */
  readonly speaks: '/v1/chat/completions' | '/v1/responses' | '/v1/messages' | '/api/v1/chat/completions';
  /** True if it shows other numbers of tokens for a stream than the provider reports. */
  readonly miscountsStreams?: true;
  /** True if it rejects a stream that fails after its first words. Some clients only call a function of their user. */
  readonly rejectsBrokenStreams?: true;
  /** Whether it calls again by itself after a 429 that names a time. */
  readonly retries: boolean;
  connect(place: Place): Connected | Promise<Connected>;
}

/** A picture of one pixel. */
export const IMAGE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** The schema of a structured answer. */
export const SCHEMA = {
  type: 'object' as const,
  properties: { city: { type: 'string' as const }, degrees: { type: 'integer' as const } },
  required: ['city', 'degrees'],
  additionalProperties: false,
};

/** The tools that are declared: one with an argument, one without. */
export const TOOLS = [
  {
    name: 'weather',
    description: 'Says what the weather is like in a city.',
    parameters: {
      type: 'object' as const,
      properties: { city: { type: 'string' as const } },
      required: ['city'],
      additionalProperties: false,
    },
  },
  {
    name: 'now',
    description: 'Says what time it is.',
    parameters: { type: 'object' as const, properties: {}, additionalProperties: false },
  },
];

/** What each tool answers. */
export const RESULT = 'sunny';

/** Collects the pieces of a stream. */
export class Pieces {
  private readonly texts: string[] = [];
  inputTokens: number | undefined;
  outputTokens: number | undefined;

  add(text: string | null | undefined): void {
    if (text) this.texts.push(text);
  }

  said(): Said {
    const { inputTokens, outputTokens } = this;
    return { text: this.texts.join(''), pieces: this.texts.length, inputTokens, outputTokens };
  }
}
