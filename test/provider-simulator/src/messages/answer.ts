import { chooseBehaviour, behave, prepareAnswer } from '../behave.js';
import type { Controlled } from '../control.js';
import { invalidRequest } from '../errors.js';
import type { Exchange } from '../exchange.js';
import { sendPlain, sendStream } from '../send.js';
import { parseMessagesRequest } from './request.js';
import { errorFrame, plainBody, streamFrames } from './shapes.js';

/** Answers `POST /v1/messages`, as well or as badly as it is told. */
export async function answerMessages(exchange: Exchange, body: Buffer, controlled: Controlled): Promise<void> {
  if (!namesVersion(exchange)) return;
  const parsed = parseMessagesRequest(body, controlled.memory, false);
  if (parsed.kind === 'invalid') return exchange.refuse(400, parsed.error);
  const { request } = parsed;
  const prepared = await prepareAnswer(exchange, request, controlled);
  if (prepared === undefined) return;
  const { plan, behaviour } = prepared;
  if (!request.stream) return sendPlain(exchange, behaviour, plainBody(plan, controlled.memory), plan.reportsUsage);
  const error = () => errorFrame(exchange.requestId);
  return sendStream(exchange, behaviour, streamFrames(plan, controlled.memory), error);
}

/** Answers `POST /v1/messages/count_tokens`: as many as a message would report. It is free, so the log has no usage. */
export async function answerCountTokens(exchange: Exchange, body: Buffer, controlled: Controlled): Promise<void> {
  if (!namesVersion(exchange)) return;
  const parsed = parseMessagesRequest(body, controlled.memory, true);
  if (parsed.kind === 'invalid') return exchange.refuse(400, parsed.error);
  const { asked, behaviour: own } = parsed.request;
  exchange.entry.model = asked.model;
  exchange.entry.media = asked.media;
  const behaviour = chooseBehaviour(exchange, { model: asked.model, behaviour: own }, controlled);
  if (behaviour === undefined || !(await behave(exchange, behaviour, controlled))) return;
  const json = JSON.stringify({ input_tokens: behaviour.prompt_tokens ?? asked.promptTokens });
  return sendPlain(exchange, behaviour, json, false);
}

function namesVersion(exchange: Exchange): boolean {
  if (exchange.entry.headers['anthropic-version']) return true;
  exchange.refuse(400, invalidRequest('anthropic-version: header is required'));
  return false;
}
