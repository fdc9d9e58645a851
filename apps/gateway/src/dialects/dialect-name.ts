/** A dialect that endpoints can speak. */
export type DialectName =
  | 'openai-chat'
  | 'openai-completions'
  | 'openai-embeddings'
  | 'openai-responses'
  | 'openai-responses-compact'
  | 'anthropic-messages'
  | 'anthropic-count-tokens'
  | 'inference';

/** What a provider is asked for, as the path that its API has after the base URL. */
export type Operation =
  | '/chat/completions'
  | '/completions'
  | '/embeddings'
  | '/responses'
  | '/responses/compact'
  | '/messages'
  | '/messages/count_tokens'
  /** Our own: no provider has it. */
  | '/inference';
