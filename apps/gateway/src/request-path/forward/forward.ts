import { retryHeaders } from '../admit/rate-limit-headers.js';
import type { Target } from '../choose-route/route-table.js';
import type { Journaled } from '../exchange/exchange.js';
import type { KeyLook } from '../identify-key/look-again.js';
import { refuse, type Refusal } from '../exchange/refusal.js';
import { sendRefusal, statusOf } from '../exchange/reply.js';
import type { RequestLog } from '../exchange/request-log.js';
import type { CallOutcome } from './call.js';
import { FAILED, judge, type Verdict } from './judge-attempt.js';
import { callProvider, type Attempt } from './provider-call.js';
import { isBusy } from '../../providers/provider.js';
import type { Failure } from './provider-failure.js';
import { unanswered } from './reports-in-vain.js';

const UNREACHABLE: Failure = { code: 'provider_unreachable', headers: [] };
/** Other requests have taken the last connections since this one was checked by skipBusy. */
const BUSY: Failure = { code: 'provider_busy', headers: retryHeaders(1_000) };
const IN_DOUBT: Failure = { code: 'keys_unavailable', headers: [] };
/** Unchanged, without `stream_options`, with the other name of the ceiling, and without a ceiling. */
const TRIES_MAX = 4;

/**
 * Calls the targets in order until one answers. The next target is tried only if no data has reached the client. If all
 * fail, the last failure is the answer. Never rejects.
 */
export async function forward(exchange: Journaled, log: RequestLog, look: KeyLook): Promise<CallOutcome> {
  let failure = UNREACHABLE;
  let last = exchange.targets[0];
  for (const target of exchange.targets) {
    const looked = look.again(exchange);
    const refusal = looked instanceof Promise ? await looked : looked;
    if (refusal !== undefined) return keyEnded(exchange, last, refusal, log);
    if (exchange.clientLeft) break;
    last = target;
    if (isBusy(target.provider)) {
      failure = BUSY;
      continue;
    }
    exchange.ceilingLeftOut = false;
    exchange.fieldNames = null;
    const attempt = await callProvider(exchange, target, look);
    const first = judge(exchange, target, attempt, false, log);
    const verdict = first.kind === 'try_again' ? await callAgain(exchange, target, attempt, log, look) : first;
    if (verdict.kind === 'answered') return verdict.outcome;
    if (verdict.kind === 'key_ended') return keyEnded(exchange, target, verdict.refusal, log);
    failure = verdict.failure;
    exchange.translations?.get(target)?.free();
  }
  if (exchange.reply.destroyed)
    return {
      ...failed(exchange, last, failure, 'provider_failed'),
      outcome: exchange.callStartedAt === 0 ? 'client_left' : 'provider_failed',
    };
  return failed(exchange, last, failure, 'provider_failed');
}

/**
 * Calls a target again after it refused an injected field that can be omitted or renamed, or after a call was not sent
 * because the key was in doubt. Never calls for a key that has ended. `before` is the result of the last try.
 */
async function callAgain(
  exchange: Journaled,
  target: Target,
  before: Attempt,
  log: RequestLog,
  look: KeyLook,
): Promise<Exclude<Verdict, { kind: 'try_again' }>> {
  let triedOther = false;
  let attempt = before;
  for (let tries = 2; tries <= TRIES_MAX; tries++) {
    const refusal = await look.again(exchange);
    if (refusal !== undefined) return { kind: 'key_ended', refusal };
    if (exchange.clientLeft) break;
    const { ceiling } = exchange.injected;
    triedOther ||=
      !exchange.ceilingLeftOut &&
      ceiling !== null &&
      exchange.fieldNames !== null &&
      ceiling !== exchange.fieldNames.ceilingField;
    attempt = await callProvider(exchange, target, look);
    const verdict = judge(exchange, target, attempt, triedOther, log);
    if (verdict.kind === 'try_again') continue;
    if (verdict.kind === 'answered') keepLesson(exchange, target, verdict.outcome);
    return verdict;
  }
  return { kind: 'failed', failure: attempt.kind === 'aborted' ? IN_DOUBT : FAILED };
}

/** Remembers the field names that the provider accepted, for later requests. */
function keepLesson(exchange: Journaled, { provider, model }: Target, { outcome }: CallOutcome): void {
  const { ask, fieldNames } = exchange;
  if (fieldNames === null || outcome !== 'completed' || provider.injectedFields.isNamedIn(ask.body, model, fieldNames))
    return;
  provider.injectedFields.keep(model, fieldNames);
}

/** Ends a request whose key has ended or cannot be checked. Calls that were sent for it before count as failed. */
function keyEnded(exchange: Journaled, target: Target, refusal: Refusal, log: RequestLog): CallOutcome {
  log.refused(exchange, refusal);
  return failed(exchange, target, { code: refusal.code, headers: refusal.headers }, 'revoked');
}

function failed(
  exchange: Journaled,
  target: Target,
  failure: Failure,
  outcome: 'provider_failed' | 'revoked',
): CallOutcome {
  const { code, headers, message } = failure;
  const finish = (): void =>
    sendRefusal(exchange, refuse(code, { headers, ...(message !== undefined && { message }) }));
  return unanswered(exchange, { target, outcome, statusCode: statusOf(exchange, code), finish });
}
