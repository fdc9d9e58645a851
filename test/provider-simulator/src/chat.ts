import { behave, chooseBehaviour } from './behave.js';
import type { Behaviour } from './behaviour.js';
import { parseChatRequest, type ChatRequest } from './chat-request.js';
import { planCompletion, plainBody, streamFrames, type Completion } from './completion.js';
import type { Exchange } from './exchange.js';
import type { Gate } from './gate.js';
import { invalidRequest } from './openai-error.js';
import type { Operation } from './operation.js';
import type { StandingBehaviours } from './standing-behaviour.js';

/** Answers `POST /v1/chat/completions`, as well or as badly as it is told. */
export async function answerChat(
  exchange: Exchange,
  body: Buffer,
  { azure, deployment }: Pick<Operation, 'azure' | 'deployment'>,
  standing: StandingBehaviours,
  gate: Gate,
): Promise<void> {
  const { entry } = exchange;
  const parsed = parseChatRequest(body, deployment);
  if (parsed.kind === 'invalid') return exchange.refuse(400, parsed.error);
  const { request } = parsed;
  entry.model = request.model;
  entry.stream = request.stream;

  const chosen = chooseBehaviour(request, standing);
  if (chosen.kind === 'invalid')
    return exchange.refuse(400, invalidRequest(chosen.problems.join('; '), 'simulator', 'invalid_behaviour'));
  const { behaviour } = chosen;
  entry.behaviour = behaviour;
  const completion = {
    ...planCompletion(request, behaviour, body.length, entry.n, exchange.shownProvider),
    filtered: azure,
  };
  entry.usage = { prompt_tokens: completion.promptTokens, completion_tokens: completion.completionTokens };

  if (!(await behave(exchange, behaviour, gate))) return;
  return request.stream
    ? answerStreamed(exchange, request, completion, behaviour)
    : answerPlain(exchange, completion, behaviour);
}

async function answerPlain(exchange: Exchange, completion: Completion, behaviour: Behaviour): Promise<void> {
  const json = plainBody(completion);
  if (behaviour.fail !== 'reset_mid_stream') {
    exchange.entry.usage_reported = completion.usage !== null;
    return exchange.reply(200, json);
  }
  exchange.open(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) });
  exchange.write(json.slice(0, json.length / 2));
  return exchange.reset();
}

async function answerStreamed(
  exchange: Exchange,
  request: ChatRequest,
  completion: Completion,
  behaviour: Behaviour,
): Promise<void> {
  const reported = request.includeUsage ? completion.usage : null;
  const frames = streamFrames(completion, reported !== null);
  exchange.open(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  if (frames.filters !== null) exchange.write(frames.filters);
  for (let index = 0; index < completion.choices; index++) exchange.write(frames.role(index));

  const failAfter = behaviour.fail === 'reset_mid_stream' ? (behaviour.fail_after_chunks ?? 1) : undefined;
  for (const [i, piece] of completion.pieces.entries()) {
    if (i > 0 && behaviour.chunk_interval_ms && !(await exchange.pause(behaviour.chunk_interval_ms))) return;
    for (let index = 0; index < completion.choices; index++) {
      if (exchange.entry.chunks_sent === failAfter) return exchange.reset();
      const ready = exchange.write(frames.content(index, piece));
      exchange.entry.chunks_sent += 1;
      if (!ready && !(await exchange.drained())) return;
    }
  }
  if (failAfter !== undefined) return exchange.reset();

  for (let index = 0; index < completion.choices; index++) exchange.write(frames.finish(index));
  if (reported !== null) {
    exchange.write(frames.usage(reported));
    exchange.entry.usage_reported = true;
  }
  exchange.write(frames.done);
  exchange.end();
}
