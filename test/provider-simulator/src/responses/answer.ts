import { prepareAnswer } from '../behave.js';
import type { Controlled } from '../control.js';
import { providerField, type Exchange } from '../exchange.js';
import type { Plan } from '../plan.js';
import { sendPlain, sendStream } from '../send.js';
import { callId, outputOf } from './output.js';
import { parseResponsesRequest, type ResponsesRequest } from './request.js';
import { responseId, responseOf, responseStream, statusOf, usageOf } from './shapes.js';

/** Answers `POST /v1/responses`, as well or as badly as it is told. */
export async function answerResponses(exchange: Exchange, body: Buffer, controlled: Controlled): Promise<void> {
  const parsed = parseResponsesRequest(body, controlled.memory);
  if (parsed.kind === 'invalid') return exchange.refuse(400, parsed.error);
  const { request } = parsed;
  const prepared = await prepareAnswer(exchange, request, controlled);
  if (prepared === undefined) return;
  const { plan, behaviour } = prepared;
  const items = outputOf(plan, request.seals, controlled.memory);
  if (request.stored) remember(plan, controlled);
  if (request.stream) {
    const { frames, errorFrame } = responseStream(plan, request, items);
    return sendStream(exchange, behaviour, frames, errorFrame);
  }
  if (behaviour.fail === 'error_mid_stream')
    return exchange.reply(200, JSON.stringify(responseOf(plan, request, 'failed', [])));
  const output = items.map(({ whole }) => whole);
  const json = JSON.stringify(responseOf(plan, request, statusOf(plan), output));
  return sendPlain(exchange, behaviour, json, plan.reportsUsage);
}

/** A response that follows has the whole conversation up to here as input. */
function remember(plan: Plan, { memory }: Controlled): void {
  memory.remember(responseId(plan), {
    tokens: plan.usage.promptTokens + plan.usage.completionTokens,
    calls: new Set(plan.calls.map((_, i) => callId(plan.n, i))),
  });
}

/** Answers `POST /v1/responses/compact`: the conversation in one item that only OpenAI can read. */
export async function answerCompact(exchange: Exchange, body: Buffer, controlled: Controlled): Promise<void> {
  const parsed = parseResponsesRequest(body, controlled.memory);
  if (parsed.kind === 'invalid') return exchange.refuse(400, parsed.error);
  const request: ResponsesRequest = { ...parsed.request, stream: false };
  const prepared = await prepareAnswer(exchange, request, controlled);
  if (prepared === undefined) return;
  const { plan, behaviour } = prepared;
  const { n, created, pieces, reportsUsage, shownProvider } = plan;
  const sealed = controlled.memory.seal(pieces.join(''));
  const json = JSON.stringify({
    id: responseId(plan),
    object: 'response.compaction',
    created_at: created,
    output: [{ id: `cmp_simulator${n}`, type: 'compaction', encrypted_content: sealed }],
    usage: reportsUsage ? usageOf(plan) : null,
    ...providerField(shownProvider),
  });
  return sendPlain(exchange, behaviour, json, reportsUsage);
}
