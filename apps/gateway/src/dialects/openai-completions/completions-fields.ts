import type { Span } from '../../json-scan/json-tokens.js';
import { fieldTable, NO_OMITTED, NO_OTHERS, type ScannedFields } from '../request-scan/field-table.js';
import { MESSAGES_DEPTH } from '../openai-chat/messages-reader.js';
import { ToolsReader, type ToolsSeen } from '../openai-chat/tools-reader.js';
import { PromptReader, type PromptSeen } from './prompt-reader.js';
import { REQUEST_FIELDS } from './request-fields.js';

/** Tokens in a list of lists are less deep than the tools, which some servers read. */
const READ_DEPTH = MESSAGES_DEPTH;

/** The fields of a completions body that the gateway reads. A span is null if the body does not have the field. */
export interface CompletionsFields extends ScannedFields, PromptSeen, ToolsSeen {
  model: Span | null;
  prompt: Span | null;
  stream: Span | null;
  streamOptions: Span | null;
  maxTokens: Span | null;
  n: Span | null;
  bestOf: Span | null;
  echo: Span | null;
  serviceTier: Span | null;
}

/** The table by which the scan finds the fields of a completions body. */
export const COMPLETIONS_FIELDS = fieldTable<CompletionsFields>({
  rows: REQUEST_FIELDS,
  places: {
    model: 'model',
    prompt: 'prompt',
    stream: 'stream',
    stream_options: 'streamOptions',
    max_tokens: 'maxTokens',
    n: 'n',
    best_of: 'bestOf',
    echo: 'echo',
    service_tier: 'serviceTier',
  },
  readers: { prompt: () => new PromptReader(), tools: () => new ToolsReader() },
  readDepth: READ_DEPTH,
  empty: () => ({
    open: 0,
    model: null,
    prompt: null,
    stream: null,
    streamOptions: null,
    maxTokens: null,
    n: null,
    bestOf: null,
    echo: null,
    serviceTier: null,
    promptTokens: 0,
    hasText: false,
    prompts: 1,
    isPrompt: true,
    providerId: null,
    others: NO_OTHERS,
    omitted: NO_OMITTED,
  }),
});
