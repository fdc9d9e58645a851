import type { Asked } from './asked.js';
import { behaviourInModel, checkBehaviour, type Behaviour } from './behaviour.js';
import type { Controlled } from './control.js';
import { errorOfStatus, invalidRequest, tooLong } from './errors.js';
import type { Exchange } from './exchange.js';
import { planAnswer, type Plan } from './plan.js';

/**
 * Decides how a request is to be answered and notes it in the log; undefined where it was refused for that. The first
 * that says anything decides alone: the body's `simulator` field, the model name, the standing behaviour.
 */
export function chooseBehaviour(
  exchange: Exchange,
  request: { readonly model: string; readonly behaviour: unknown },
  { standing }: Pick<Controlled, 'standing'>,
): Behaviour | undefined {
  const own = request.behaviour ?? behaviourInModel(request.model);
  const chosen = own === undefined ? { kind: 'valid' as const, behaviour: standing.take() } : checkBehaviour(own);
  if (chosen.kind === 'invalid') {
    exchange.refuse(400, invalidRequest(chosen.problems.join('; '), 'simulator', 'invalid_behaviour'));
    return undefined;
  }
  exchange.entry.behaviour = chosen.behaviour;
  return chosen.behaviour;
}

const PAGE = '<!doctype html><title>Welcome</title><p>Please sign in.</p>';

/** What is done before the first byte of any answer; true where the request is still to be answered well. */
export async function behave(
  exchange: Exchange,
  behaviour: Behaviour,
  { gate }: Pick<Controlled, 'gate'>,
): Promise<boolean> {
  if (gate.closed && !(await exchange.waitFor((resume) => gate.queue(resume)))) return false;
  if (behaviour.delay_ms && !(await exchange.pause(behaviour.delay_ms))) return false;
  if (behaviour.fail === 'hang') {
    await exchange.hang();
    return false;
  }
  if (behaviour.fail === 'reset_before_first_byte') {
    await exchange.reset();
    return false;
  }
  if (behaviour.fail === 'html') {
    exchange.reply(200, PAGE, { 'content-type': 'text/html' });
    return false;
  }
  if (behaviour.fail === 'context_length') {
    exchange.refuse(400, tooLong(exchange.errors));
    return false;
  }
  const { fail_status: status, retry_after_ms: retryMs } = behaviour;
  if (status === undefined) return true;
  exchange.refuse(status, errorOfStatus(status), {
    ...(status === 429 ? { 'retry-after': '1' } : {}),
    ...(retryMs === undefined ? {} : { 'retry-after-ms': String(retryMs) }),
  });
  return false;
}

/**
 * Plans the answer to a request for text, notes in the log what it will report, and does what comes before its first
 * byte; undefined where nothing more is to be done.
 */
export async function prepareAnswer(
  exchange: Exchange,
  request: { readonly asked: Asked; readonly stream: boolean; readonly behaviour: unknown },
  controlled: Pick<Controlled, 'standing' | 'gate'>,
): Promise<{ readonly plan: Plan; readonly behaviour: Behaviour } | undefined> {
  const { entry } = exchange;
  const { asked } = request;
  entry.model = asked.model;
  entry.stream = request.stream;
  entry.media = asked.media;
  const behaviour = chooseBehaviour(exchange, { model: asked.model, behaviour: request.behaviour }, controlled);
  if (behaviour === undefined) return undefined;
  const plan = planAnswer(asked, behaviour, entry.n, exchange.shownProvider);
  const { promptTokens, completionTokens, ...details } = plan.usage;
  entry.usage = { prompt_tokens: promptTokens, completion_tokens: completionTokens };
  entry.usage_details = {
    cached_tokens: details.cachedTokens,
    cache_write_tokens: details.cacheWriteTokens,
    cache_write_1h_tokens: details.cacheWrite1hTokens,
    reasoning_tokens: details.reasoningTokens,
    web_searches: details.webSearches,
  };
  return (await behave(exchange, behaviour, controlled)) ? { plan, behaviour } : undefined;
}
