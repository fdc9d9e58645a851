import type { DialectCodec } from '../dialect-codec.js';
import { HARMLESS_FIELDS, REFUSED_FIELDS } from './field-notes.js';
import { readReply } from './read-reply.js';
import { readRequest } from './read-request.js';
import { ResponseDecoder } from './read-stream.js';
import { writeUsage } from './usage.js';
import { writeReply } from './write-reply.js';
import { writeRequest } from './write-request.js';
import { ResponseStream } from './write-stream.js';

/** OpenAI's Responses: `platform.openai.com/docs/api-reference/responses`. */
export const openaiResponses: DialectCodec = {
  name: 'openai-responses',
  harmless: HARMLESS_FIELDS,
  refused: REFUSED_FIELDS,
  readRequest,
  writeRequest,
  readReply,
  writeReply,
  readStream: (names) => new ResponseDecoder(names),
  writeStream: (context) => new ResponseStream(context),
  writeUsage,
};
