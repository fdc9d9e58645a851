import type { DialectCodec } from '../dialect-codec.js';
import { HARMLESS, REFUSED } from './field-notes.js';
import { readReply } from './read-reply.js';
import { readRequest } from './read-request.js';
import { readStream } from './read-stream.js';
import { writeUsage } from './usage.js';
import { writeReply } from './write-reply.js';
import { writeRequest } from './write-request.js';
import { writeStream } from './write-stream.js';

/** Anthropic's Messages: platform.claude.com/docs/en/api/messages. */
export const anthropicMessages: DialectCodec = {
  name: 'anthropic-messages',
  harmless: HARMLESS,
  refused: REFUSED,
  readRequest,
  writeRequest,
  readReply,
  writeReply,
  readStream,
  writeStream,
  writeUsage,
};
