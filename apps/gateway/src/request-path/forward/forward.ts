import { unreachable } from '@tollgate/errors';
import { NO_CEILING } from '../admit/cost-bound.js';
import { retryHeaders } from '../admit/rate-limit-headers.js';
import type { Target } from '../choose-route/route-table.js';
import type { Journaled } from '../exchange/exchange.js';
import { KEY_ENDS } from '../identify-key/key-end.js';
import type { KeyLook } from '../identify-key/look-again.js';
import { refuse, type Refusal } from '../exchange/refusal.js';
import { sendRefusal, sendReply } from '../exchange/reply.js';
import type { RequestLog } from '../exchange/request-log.js';
import { judgeUsage } from '../usage/judge-usage.js';
import { NO_USAGE, type CallOutcome } from './call.js';
import type { Lesson } from '../../providers/injected-fields.js';
import { callProvider, headerOf, type Attempt } from './provider-call.js';
import { isBusy } from '../../providers/provider.js';
import { failureOfError, failureOfStatus, type Failure } from './provider-failure.js';

/**
 * What an attempt comes to: an answer for the client, a failure that another target may make good, the end of the key,
 * or another try.
 */
type Verdict =
  | { readonly kind: 'answered'; readonly outcome: CallOutcome }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'key_ended'; readonly refusal: Refusal }
  | { readonly kind: 'try_again' };

type Replied = Extract<Attempt, { kind: 'replied' }>;

const UNREACHABLE: Failure = { code: 'provider_unreachable', headers: [] };
/** Since the request was let in, others have taken the last connections. */
const BUSY: Failure = { code: 'provider_busy', headers: retryHeaders(1_000) };
const TIMED_OUT: Failure = { code: 'provider_timeout', headers: [] };
const FAILED: Failure = { code: 'provider_failed', headers: [] };
const IN_DOUBT: Failure = { code: 'keys_unavailable', headers: [] };
const UNBOUNDED: Failure = { code: 'unbounded_cost', headers: [], message: NO_CEILING };
/** As it stands, without `stream_options`, with the ceiling's other name, without a ceiling. */
const TRIES_MAX = 4;
/** Errors are some lines; one that is longer cannot be looked through for our credential in passing. */
const ERROR_BYTES_MAX = 1024 * 1024;
/** A refusal names the field that it is about near its beginning. */
const LESSON_BYTES_MAX = 64 * 1024;

/**
 * Calls the targets in their order until one answers: the next is tried only before the first data has reached the
 * client. What the last one failed with is the answer. Never rejects.
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
  }
  if (exchange.reply.destroyed)
    return {
      ...failed(exchange, last, failure, 'provider_failed'),
      outcome: exchange.callStartedAt === 0 ? 'client_left' : 'provider_failed',
    };
  return failed(exchange, last, failure, 'provider_failed');
}

/**
 * Calls a target again that refused a field of ours which it can do without, or that was not called because the key was
 * in doubt; never for a key that has ended. `before`: what came of the last try.
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

/** What the provider accepted in the end is what it is sent from now on. */
function keepLesson(exchange: Journaled, { provider, model }: Target, { outcome }: CallOutcome): void {
  const { ask, fieldNames } = exchange;
  if (fieldNames === null || outcome !== 'completed' || provider.injectedFields.isNamedIn(ask.body, model, fieldNames))
    return;
  provider.injectedFields.keep(model, fieldNames);
}

function judge(exchange: Journaled, target: Target, attempt: Attempt, triedOther: boolean, log: RequestLog): Verdict {
  switch (attempt.kind) {
    case 'streamed':
      if (attempt.broken !== null) log.streamBroken(exchange, target, attempt.broken);
      return { kind: 'answered', outcome: attempt.outcome };
    case 'replied':
      return judgeReply(exchange, target, attempt, triedOther, log);
    case 'rejected': {
      // What stands in the event is JSON, whatever the stream was called.
      const headers = { ...attempt.headers, 'content-type': 'application/json' };
      const replied: Replied = {
        kind: 'replied',
        status: attempt.error.status,
        headers,
        body: attempt.body,
        text: null,
      };
      return judgeError(exchange, target, replied, attempt.error.why, triedOther, log);
    }
    case 'failed': {
      const failure = failureOfError(attempt.error);
      log.attemptFailed(exchange, target, failure.code, { error: attempt.error });
      return { kind: 'failed', failure };
    }
    case 'aborted':
      return judgeAborted(exchange, target, attempt.why, log);
    default:
      return unreachable(attempt);
  }
}

function judgeAborted(
  exchange: Journaled,
  target: Target,
  why: Extract<Attempt, { kind: 'aborted' }>['why'],
  log: RequestLog,
): Verdict {
  switch (why) {
    case 'revoked':
      return { kind: 'key_ended', refusal: exchange.keyEnd ?? KEY_ENDS.invalid_api_key };
    case 'key_in_doubt':
      return { kind: 'try_again' };
    case 'client_left': {
      // Nobody knows what the provider made of it until then, but it has read the request.
      const usage = { ...NO_USAGE, inputTokens: exchange.ask.inputTokensEstimate };
      return {
        kind: 'answered',
        outcome: { target, outcome: 'client_left', usage, usageSource: 'counted', finish: () => undefined },
      };
    }
    case 'timed_out':
      log.attemptFailed(exchange, target, TIMED_OUT.code, {});
      return { kind: 'failed', failure: TIMED_OUT };
    case 'oversized':
    case 'hold_used_up':
    case 'credential_repeated':
      log.attemptFailed(exchange, target, FAILED.code, { why });
      return { kind: 'failed', failure: FAILED };
    default:
      return unreachable(why);
  }
}

function judgeReply(
  exchange: Journaled,
  target: Target,
  attempt: Replied,
  triedOther: boolean,
  log: RequestLog,
): Verdict {
  if (attempt.status >= 300) return judgeError(exchange, target, attempt, 'error', triedOther, log);
  const reply = exchange.ask.dialect.readReply(attempt.body, attempt.text);
  if (reply.kind === 'no_answer')
    return judgeError(exchange, target, { ...attempt, status: reply.error.status }, reply.error.why, triedOther, log);
  // What was asked for as a stream and came whole cannot be read by who asked.
  if (exchange.ask.stream)
    return judgeError(exchange, target, { ...attempt, status: 502 }, 'no_answer', triedOther, log);
  const counted = { inputTokens: exchange.ask.inputTokensEstimate, outputTokens: reply.countedOutputTokens };
  const { usage, usageSource } = judgeUsage(reply.report, counted, false);
  const outcome = exchange.clientLeft ? 'client_left' : 'completed';
  return {
    kind: 'answered',
    outcome: { target, outcome, usage, usageSource, finish: passOn(exchange, target, attempt) },
  };
}

/** An error of a provider, by its status or the one that its words stand for. One about a field of ours is a lesson. */
function judgeError(
  exchange: Journaled,
  target: Target,
  attempt: Replied,
  why: 'error' | 'no_answer',
  triedOther: boolean,
  log: RequestLog,
): Verdict {
  const lesson = lessonOf(exchange, target, attempt, triedOther);
  if (lesson.kind === 'try_again') {
    exchange.fieldNames = lesson.names;
    return { kind: 'try_again' };
  }
  // Where streams are ended at their hold, one goes without a ceiling.
  if (
    lesson.kind === 'leave_out' ||
    (lesson.kind === 'no_ceiling' && target.provider.endAtHold && exchange.ask.stream)
  ) {
    exchange.ceilingLeftOut = true;
    return { kind: 'try_again' };
  }
  if (lesson.kind === 'no_ceiling') {
    log.attemptFailed(exchange, target, UNBOUNDED.code, { status: attempt.status, words: attempt.body });
    return { kind: 'failed', failure: UNBOUNDED };
  }
  const failure =
    failureOfStatus(attempt.status, attempt.headers) ??
    failureOfConfiguration(exchange, target, attempt.status) ??
    failureToTell(exchange, target, attempt);
  log.attemptFailed(exchange, target, failure?.code ?? 'provider_refused', {
    status: attempt.status,
    why,
    ...(failure !== null && { words: attempt.body }),
  });
  if (failure !== null) return { kind: 'failed', failure };
  return {
    kind: 'answered',
    outcome: {
      target,
      outcome: 'provider_refused',
      usage: NO_USAGE,
      usageSource: 'none',
      finish: passOn(exchange, target, attempt),
    },
  };
}

/**
 * An error that says that a target is configured wrongly: another target may serve the call. Only under a route with a
 * `*` can the target's model be the caller's own word.
 */
function failureOfConfiguration(
  { ask, route }: Journaled,
  { provider, model }: Target,
  status: number,
): Failure | null {
  const isCallersModel = model === ask.model && model !== route.name;
  return provider.blamesConfiguration(status, isCallersModel) ? FAILED : null;
}

/**
 * An error that repeats our credential, or half of it, says more of our request than of the caller's: the provider has
 * failed.
 */
function failureToTell(exchange: Journaled, target: Target, { body, text }: Replied): Failure | null {
  if (body.length > ERROR_BYTES_MAX) return FAILED;
  const { mask } = target.provider;
  if (mask === null || !(mask.isIn(body, text ?? undefined) || mask.isToldBy(body))) return null;
  exchange.credentialRepeatedBy = target;
  return FAILED;
}

/** The reply as a client may see it: with `*` for each byte of our credential. */
function withoutCredential(exchange: Journaled, target: Target, attempt: Replied): Replied {
  const mask = target.provider.mask ?? null;
  const contentType = headerOf(attempt.headers, 'content-type');
  if (mask === null || (!mask.isIn(attempt.body, attempt.text ?? undefined) && mask.mask(contentType) === contentType))
    return attempt;
  exchange.credentialRepeatedBy = target;
  return {
    ...attempt,
    headers: { 'content-type': mask.mask(contentType) },
    body: mask.maskBody(attempt.body),
    text: null,
  };
}

function lessonOf(
  exchange: Journaled,
  { provider, model }: Target,
  { status, body }: Replied,
  triedOther: boolean,
): Lesson {
  const { injected } = exchange;
  if ((status !== 400 && status !== 422) || (injected.ceiling === null && !injected.streamOptions))
    return { kind: 'not_ours' };
  const names = exchange.fieldNames ?? provider.injectedFields.of(model);
  return provider.injectedFields.lessonOf(names, injected, body.toString('utf8', 0, LESSON_BYTES_MAX), triedOther);
}

/** The provider's own words, for whatever it took as a request: a completion, or what was wrong with the body. */
function passOn(exchange: Journaled, target: Target, attempt: Replied): () => void {
  const { status, headers, body, text } = withoutCredential(exchange, target, attempt);
  return () =>
    sendReply(exchange, status, headerOf(headers, 'content-type') || 'application/json', body, [], text ?? undefined);
}

/** The key has ended, or cannot be checked: what was sent on its behalf before has failed. */
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
  return { target, outcome, usage: NO_USAGE, usageSource: 'none', finish };
}
