/** A dialect that endpoints can speak. */
export type DialectName = 'openai-chat' | 'openai-embeddings';

/** What a provider is asked for, as the path that its API has after the base URL. */
export type Operation = '/chat/completions' | '/embeddings';
