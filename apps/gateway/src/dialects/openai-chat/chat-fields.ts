import type { Span } from '../../json-scan/json-tokens.js';
import { scanBody as scan, scanBodyInSteps as scanInSteps } from '../request-scan/body-scan.js';
import { fieldTable, NO_OMITTED, NO_OTHERS, type ScanFault, type ScannedFields } from '../request-scan/field-table.js';
import { MESSAGES_DEPTH, MessagesReader, type MessagesSeen } from './messages-reader.js';
import { REQUEST_FIELDS } from './request-fields.js';
import type { MediaPart } from '../../request-path/usage/media-bound.js';
import { ToolsReader } from './tools-reader.js';

const NO_MEDIA: readonly MediaPart[] = [];

/** The fields of a chat body that the gateway reads. A span is null if the body does not have the field. */
export interface ChatFields extends ScannedFields, MessagesSeen {
  model: Span | null;
  stream: Span | null;
  streamOptions: Span | null;
  maxTokens: Span | null;
  maxCompletionTokens: Span | null;
  n: Span | null;
  serviceTier: Span | null;
  messages: Span | null;
}

/** The values of a chat body's top-level fields, apart from the messages. */
export interface ChatHead {
  readonly fields: ChatFields;
  readonly model: string;
  readonly stream: boolean;
  /** True if the body asks for the usage chunk of a stream. */
  readonly asksUsage: boolean;
  /** True if the caller is told it, since its body asks for it or all callers at its path are. */
  readonly showUsage: boolean;
}

/** The table by which the scan finds the fields of a chat body. */
export const CHAT_FIELDS = fieldTable<ChatFields>({
  rows: REQUEST_FIELDS,
  places: {
    model: 'model',
    stream: 'stream',
    stream_options: 'streamOptions',
    max_tokens: 'maxTokens',
    max_completion_tokens: 'maxCompletionTokens',
    n: 'n',
    service_tier: 'serviceTier',
    messages: 'messages',
  },
  readers: { messages: () => new MessagesReader(), tools: () => new ToolsReader() },
  readDepth: MESSAGES_DEPTH,
  empty: () => ({
    open: 0,
    model: null,
    stream: null,
    streamOptions: null,
    maxTokens: null,
    maxCompletionTokens: null,
    n: null,
    serviceTier: null,
    messages: null,
    nestedMessages: false,
    unbounded: null,
    media: NO_MEDIA,
    providerId: null,
    others: NO_OTHERS,
    omitted: NO_OMITTED,
  }),
});

/** Finds the fields of a chat body in one pass. */
export function scanBody(bytes: Buffer): ChatFields | ScanFault {
  return scan(bytes, CHAT_FIELDS);
}

/** Finds the fields in steps, with a turn of the event loop between them. */
export function scanBodyInSteps(bytes: Buffer, nextTurn: () => Promise<void>): Promise<ChatFields | ScanFault> {
  return scanInSteps(bytes, CHAT_FIELDS, nextTurn);
}
