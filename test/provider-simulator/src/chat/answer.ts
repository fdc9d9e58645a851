import { prepareAnswer } from '../behave.js';
import type { Controlled } from '../control.js';
import type { Exchange } from '../exchange.js';
import type { Operation } from '../operation.js';
import { sendPlain, sendStream } from '../send.js';
import { parseChatRequest } from './request.js';
import { errorFrame, plainBody, streamFrames } from './shapes.js';
import { signsCalls } from './signatures.js';

/** Answers `POST /v1/chat/completions`, as well or as badly as it is told. */
export async function answerChat(
  exchange: Exchange,
  body: Buffer,
  { azure, deployment }: Pick<Operation, 'azure' | 'deployment'>,
  controlled: Controlled,
): Promise<void> {
  const parsed = parseChatRequest(body, deployment, controlled.memory);
  if (parsed.kind === 'invalid') return exchange.refuse(400, parsed.error);
  const { request } = parsed;
  const prepared = await prepareAnswer(exchange, request, controlled);
  if (prepared === undefined) return;
  const { plan, behaviour } = prepared;
  const shape = { filtered: azure, signer: signsCalls(plan.model) ? controlled.memory : null };
  if (!request.stream) return sendPlain(exchange, behaviour, plainBody(plan, shape), plan.reportsUsage);
  // OpenRouter, whose path that is, reports the usage of all streams.
  const always = exchange.entry.path.startsWith('/api/v1/');
  const asked = request.includeUsage ? 'asked' : 'none';
  const usage = !plan.reportsUsage ? 'none' : always ? 'always' : asked;
  const frames = streamFrames(plan, shape, usage);
  return sendStream(exchange, behaviour, frames, errorFrame);
}
