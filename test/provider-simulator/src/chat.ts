import { behaviourInModel, checkBehaviour, type Behaviour, type Checked } from './behaviour.js';
import { parseChatRequest, type ChatRequest } from './chat-request.js';
import { planCompletion, plainBody, streamFrames, type Completion } from './completion.js';
import type { Exchange } from './exchange.js';
import type { Gate } from './gate.js';
import { errorOfStatus, invalidRequest } from './openai-error.js';
import type { StandingBehaviours } from './standing-behaviour.js';

/** Answers `POST /v1/chat/completions`, as well or as badly as it is told. */
export async function answerChat(
  exchange: Exchange,
  body: Buffer,
  standing: StandingBehaviours,
  gate: Gate,
): Promise<void> {
  const { entry } = exchange;
  const parsed = parseChatRequest(body);
  if (parsed.kind === 'invalid') return exchange.refuse(400, parsed.error);
  const { request } = parsed;
  entry.model = request.model;
  entry.stream = request.stream;

  const chosen = chooseBehaviour(request, standing);
  if (chosen.kind === 'invalid')
    return exchange.refuse(400, invalidRequest(chosen.problems.join('; '), 'simulator', 'invalid_behaviour'));
  const { behaviour } = chosen;
  entry.behaviour = behaviour;
  const completion = planCompletion(request, behaviour, body.length, entry.n, exchange.shownProvider);
  entry.usage = { prompt_tokens: completion.promptTokens, completion_tokens: completion.completionTokens };

  if (gate.closed && !(await exchange.waitFor((resume) => gate.queue(resume)))) return;
  if (behaviour.delay_ms && !(await exchange.pause(behaviour.delay_ms))) return;
  if (behaviour.fail === 'hang') return void (await exchange.hang());
  if (behaviour.fail === 'reset_before_first_byte') return exchange.reset();
  if (behaviour.fail_status !== undefined) return refuseAsTold(exchange, behaviour.fail_status);
  return request.stream
    ? answerStreamed(exchange, request, completion, behaviour)
    : answerPlain(exchange, completion, behaviour);
}

/** The first that says anything decides alone: the body's `simulator` field, the model name, the standing behaviour. */
function chooseBehaviour(request: ChatRequest, standing: StandingBehaviours): Checked<Behaviour> {
  const own = request.behaviour ?? behaviourInModel(request.model);
  return own === undefined ? { kind: 'valid', behaviour: standing.take() } : checkBehaviour(own);
}

function refuseAsTold(exchange: Exchange, status: number): void {
  exchange.refuse(status, errorOfStatus(status), status === 429 ? { 'retry-after': '1' } : {});
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
