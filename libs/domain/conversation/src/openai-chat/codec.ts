import type { DialectCodec } from '../dialect-codec.js';
import { HARMLESS, REFUSED } from './known-fields.js';
import { readReply } from './read-reply.js';
import { readRequest } from './read-request.js';
import { readStream } from './read-stream.js';
import { writeUsage } from './usage.js';
import { writeReply } from './write-reply.js';
import { writeRequest } from './write-request.js';
import { writeStream } from './write-stream.js';

/** OpenAI's chat: platform.openai.com/docs/api-reference/chat. */
export const openaiChat: DialectCodec = {
  name: 'openai-chat',
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
