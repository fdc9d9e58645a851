import type { Span } from '../../json-scan/json-tokens.js';
import { fieldTable, NO_OMITTED, NO_OTHERS, type OtherField, type ScannedFields } from '../request-scan/field-table.js';
import { CONTENT_DEPTH, ContentReader, type ContentSeen } from './content-reader.js';
import { REQUEST_FIELDS } from './request-fields.js';
import { ToolsReader, type ToolsSeen } from './tools-reader.js';

/** The fields of a body of Messages that the gateway reads. A span is null if the body does not have the field. */
export interface MessagesFields extends ScannedFields, ContentSeen, ToolsSeen {
  model: Span | null;
  maxTokens: Span | null;
  stream: Span | null;
  messages: Span | null;
  system: Span | null;
  serviceTier: Span | null;
  speed: Span | null;
  inferenceGeo: Span | null;
}

const NOTHING: readonly never[] = [];

/** The table by which the scan finds the fields of a body of Messages. */
export const MESSAGES_FIELDS = fieldTable<MessagesFields>({
  rows: REQUEST_FIELDS,
  places: {
    model: 'model',
    max_tokens: 'maxTokens',
    stream: 'stream',
    messages: 'messages',
    system: 'system',
    service_tier: 'serviceTier',
    speed: 'speed',
    inference_geo: 'inferenceGeo',
  },
  readers: {
    messages: () => new ContentReader('messages'),
    system: () => new ContentReader('system'),
    tools: () => new ToolsReader(),
  },
  readDepth: CONTENT_DEPTH,
  empty: () => ({
    open: 0,
    model: null,
    maxTokens: null,
    stream: null,
    messages: null,
    system: null,
    serviceTier: null,
    speed: null,
    inferenceGeo: null,
    unbounded: null,
    media: NOTHING,
    fileId: null,
    toolPromptTokens: 0,
    toolBytes: 0,
    namesTools: false,
    toolModel: null,
    providerTools: NOTHING,
    others: NO_OTHERS,
    omitted: NO_OMITTED,
  }),
});

/** As `ScannedFields.others`, with the messages if a tool that is defined among them names a model. */
export function othersOf({ others, messages, toolModel }: MessagesFields): readonly OtherField[] {
  if (toolModel === null || messages === null) return others;
  return [...others, { ...messages, name: 'messages', use: 'elsewhere', reason: toolModel }];
}

/**
 * The most tokens of definitions that are read again because a block names their tools. Each name that comes again can
 * be another reading, so it counts as content without a bound of its own.
 */
export function namedAgain({ namesTools, toolBytes }: MessagesFields): number {
  return namesTools ? toolBytes : 0;
}
