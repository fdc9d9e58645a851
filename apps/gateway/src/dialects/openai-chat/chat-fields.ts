import type { Span } from '../../json-scan/json-tokens.js';
import {
  fieldTable,
  NO_OTHERS,
  scanBody as scan,
  scanBodyInSteps as scanInSteps,
  type ScanFault,
  type ScannedFields,
} from '../request-scan/body-scan.js';
import { MessagesReader, type MessagesSeen } from './messages-reader.js';
import { REQUEST_FIELDS } from './request-fields.js';
import { ToolsReader } from './tools-reader.js';

/** What a chat body asks for, as far as the gateway reads it; spans are null where the body has no such field. */
export interface ChatFields extends ScannedFields, MessagesSeen {
  model: Span | null;
  stream: Span | null;
  streamOptions: Span | null;
  maxTokens: Span | null;
  maxCompletionTokens: Span | null;
  n: Span | null;
  messages: Span | null;
}

/** The fields of a chat body, as the scan finds them. */
export const CHAT_FIELDS = fieldTable<ChatFields>({
  rows: REQUEST_FIELDS,
  places: {
    model: 'model',
    stream: 'stream',
    stream_options: 'streamOptions',
    max_tokens: 'maxTokens',
    max_completion_tokens: 'maxCompletionTokens',
    n: 'n',
    messages: 'messages',
  },
  readers: { messages: () => new MessagesReader(), tools: () => new ToolsReader() },
  empty: () => ({
    open: 0,
    model: null,
    stream: null,
    streamOptions: null,
    maxTokens: null,
    maxCompletionTokens: null,
    n: null,
    messages: null,
    nestedMessages: false,
    textOnly: true,
    others: NO_OTHERS,
  }),
});

/** Finds the fields of a chat body. */
export function scanBody(bytes: Buffer): ChatFields | ScanFault {
  return scan(bytes, CHAT_FIELDS);
}

/** The same in steps, with a turn of the event loop between them. */
export function scanBodyInSteps(bytes: Buffer, nextTurn: () => Promise<void>): Promise<ChatFields | ScanFault> {
  return scanInSteps(bytes, CHAT_FIELDS, nextTurn);
}
