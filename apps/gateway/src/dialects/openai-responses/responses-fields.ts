import type { Span } from '../../json-scan/json-tokens.js';
import { fieldTable, NO_OMITTED, NO_OTHERS, type ScannedFields } from '../request-scan/field-table.js';
import { IdReader } from './id-reader.js';
import { INPUT_DEPTH, InputReader, type InputSeen } from './input-reader.js';
import { REQUEST_FIELDS } from './request-fields.js';
import { TextReader } from './text-reader.js';
import { ToolsReader, type ToolsSeen } from './tools-reader.js';

/** The fields of a Responses body that the gateway reads. A span is null if the body does not have the field. */
export interface ResponsesFields extends ScannedFields, InputSeen, ToolsSeen {
  model: Span | null;
  input: Span | null;
  stream: Span | null;
  maxOutputTokens: Span | null;
  maxToolCalls: Span | null;
  serviceTier: Span | null;
  background: Span | null;
  previousResponseId: Span | null;
  conversation: Span | null;
  prompt: Span | null;
  contextManagement: Span | null;
  promptCacheOptions: Span | null;
  /** True if the instructions are no text. */
  oddInstructions: boolean;
}

/** The table by which the scan finds the fields of a Responses body. */
export const RESPONSES_FIELDS = fieldTable<ResponsesFields>({
  rows: REQUEST_FIELDS,
  places: {
    model: 'model',
    input: 'input',
    stream: 'stream',
    max_output_tokens: 'maxOutputTokens',
    max_tool_calls: 'maxToolCalls',
    service_tier: 'serviceTier',
    background: 'background',
    previous_response_id: 'previousResponseId',
    conversation: 'conversation',
    prompt: 'prompt',
    context_management: 'contextManagement',
    prompt_cache_options: 'promptCacheOptions',
  },
  readers: {
    input: () => new InputReader(),
    tools: () => new ToolsReader(),
    instructions: () => new TextReader(),
    previous_response_id: () => new IdReader(),
    conversation: () => new IdReader(),
    prompt: () => new IdReader(),
  },
  readDepth: INPUT_DEPTH,
  empty: () => ({
    open: 0,
    model: null,
    input: null,
    stream: null,
    maxOutputTokens: null,
    maxToolCalls: null,
    serviceTier: null,
    background: null,
    previousResponseId: null,
    conversation: null,
    prompt: null,
    contextManagement: null,
    promptCacheOptions: null,
    oddInstructions: false,
    nestedInput: false,
    unbounded: null,
    media: [],
    providerId: null,
    sealed: [],
    providerTools: [],
    toolId: null,
    inputModel: null,
    others: NO_OTHERS,
    omitted: NO_OMITTED,
  }),
});
