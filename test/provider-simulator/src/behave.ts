import { behaviourInModel, checkBehaviour, type Behaviour, type Checked } from './behaviour.js';
import type { Exchange } from './exchange.js';
import type { Gate } from './gate.js';
import { errorOfStatus } from './openai-error.js';
import type { StandingBehaviours } from './standing-behaviour.js';

/** The first that says anything decides alone: the body's `simulator` field, the model name, the standing behaviour. */
export function chooseBehaviour(
  request: { readonly model: string; readonly behaviour: unknown },
  standing: StandingBehaviours,
): Checked<Behaviour> {
  const own = request.behaviour ?? behaviourInModel(request.model);
  return own === undefined ? { kind: 'valid', behaviour: standing.take() } : checkBehaviour(own);
}

/** What is done before the first byte of any answer; true where the request is still to be answered well. */
export async function behave(exchange: Exchange, behaviour: Behaviour, gate: Gate): Promise<boolean> {
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
  const status = behaviour.fail_status;
  if (status === undefined) return true;
  exchange.refuse(status, errorOfStatus(status), status === 429 ? { 'retry-after': '1' } : {});
  return false;
}
