import { nextTurn } from '../../json-scan/next-turn.js';
import { isRefusal, type Refusal } from '../../request-path/exchange/refusal.js';
import type { Ask } from '../ask.js';
import type { Dialect } from '../dialect.js';
import type { DialectName, Operation } from '../dialect-name.js';
import { estimateInputTokens, estimateInputTokensInSteps } from '../openai-chat/input-estimate.js';
import { scanBody, scanBodyInSteps, STEP_BYTES } from '../request-scan/body-scan.js';
import { RESPONSES_ERRORS } from './failed-event.js';
import { readHead, type ResponsesHead } from './read-head.js';
import { readReply } from './read-reply.js';
import { ResponsesAsk } from './responses-ask.js';
import { RESPONSES_FIELDS } from './responses-fields.js';
import { ResponseEvents } from './stream-events.js';

const REPLY_BYTES_MAX = 64 * 1024 * 1024;

/** How the operations on responses differ from each other. */
interface ResponsesPlan {
  readonly name: DialectName;
  readonly operation: Operation;
  /** Whether a request can name a ceiling of the output, and ask for a stream. */
  readonly hasCeiling: boolean;
  /** The refusal of a request that only another operation serves; null for none. */
  refuse(head: ResponsesHead): Refusal | null;
}

/** Makes the dialect of one operation on responses. */
export function responsesDialect({ name, operation, hasCeiling, refuse }: ResponsesPlan): Dialect {
  const askOf = (body: Buffer, head: ResponsesHead, inputTokens: number): Ask | Refusal =>
    refuse(head) ?? new ResponsesAsk(dialect, body, head, inputTokens, hasCeiling);
  const readInSteps = async (body: Buffer): Promise<Ask | Refusal> => {
    const head = readHead(body, await scanBodyInSteps(body, RESPONSES_FIELDS, nextTurn));
    if (isRefusal(head)) return head;
    return askOf(body, head, await estimateInputTokensInSteps(body, partsOf(head), nextTurn));
  };
  const dialect: Dialect = {
    name,
    operation,
    errors: RESPONSES_ERRORS,
    replyBytesMax: REPLY_BYTES_MAX,
    // A large body is read in steps, so that other requests are not delayed. For others the answer is there at once.
    read: (body) => {
      if (body.length > STEP_BYTES) return readInSteps(body);
      const head = readHead(body, scanBody(body, RESPONSES_FIELDS));
      return isRefusal(head) ? head : askOf(body, head, estimateInputTokens(body, partsOf(head)));
    },
    readWholeStream: (credential) => new ResponseEvents(credential),
    readReply: (body, text) => readReply(body, text, null),
  };
  return dialect;
}

/** The input as the estimate reads it: its items have their content where messages of a chat have theirs. */
function partsOf({ fields: { input, nestedInput } }: ResponsesHead) {
  return { messages: input, nestedMessages: nestedInput };
}

/** OpenAI's Responses, as OpenAI and some compatible servers speak it. */
export const openAiResponses: Dialect = responsesDialect({
  name: 'openai-responses',
  operation: '/responses',
  hasCeiling: true,
  refuse: () => null,
});
