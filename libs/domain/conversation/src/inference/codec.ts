import type { CallerCodec } from '../dialect-codec.js';
import { readRequest } from './read-request.js';
import { writeUsage } from './usage.js';
import { writeReply } from './write-reply.js';
import { writeStream } from './write-stream.js';

/** Our own endpoint for one prompt: docs/inference.md. Callers speak it, and no provider does. */
export const inference: CallerCodec = {
  name: 'inference',
  harmless: [],
  refused: [],
  readRequest,
  writeReply,
  writeStream,
  writeUsage,
};
