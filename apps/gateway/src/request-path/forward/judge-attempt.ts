import type { ErrorKind } from '@tollgate/conversation';
import { unreachable } from '@tollgate/errors';
import type { Lesson } from '../../providers/injected-fields.js';
import { NO_CEILING } from '../admit/cost-bound.js';
import type { Target } from '../choose-route/route-table.js';
import { speechTo, type Journaled } from '../exchange/exchange.js';
import type { Refusal } from '../exchange/refusal.js';
import { sendReply } from '../exchange/reply.js';
import type { RequestLog } from '../exchange/request-log.js';
import { KEY_ENDS } from '../identify-key/key-end.js';
import type { TokenUsage } from '@tollgate/usage';
import { askedOf, judgeUsage } from '../usage/judge-usage.js';
import { plainAnswerHeaders, toldCost } from './answer-headers.js';
import type { CallOutcome } from './call.js';
import { failureOf, failureOfError, type Failure } from './provider-failure.js';
import { NO_ANSWER } from '../../dialects/answer.js';
import { readProviderError } from '../../dialects/provider-error.js';
import { headerOf, type Attempt } from './provider-call.js';
import { keepReport, reportOfError, unanswered } from './reports-in-vain.js';
import { replyWithCost } from './told-cost.js';

/**
 * The result of an attempt: an answer for the client, a failure after which another target may be tried, the end of the
 * key, or another try at the same target.
 */
export type Verdict =
  | { readonly kind: 'answered'; readonly outcome: CallOutcome }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'key_ended'; readonly refusal: Refusal }
  | { readonly kind: 'try_again' };

type Replied = Extract<Attempt, { kind: 'replied' }>;

const TIMED_OUT: Failure = { code: 'provider_timeout', headers: [] };
/** A provider failed in another way than by being unreachable or late. */
export const FAILED: Failure = { code: 'provider_failed', headers: [] };
const UNBOUNDED: Failure = { code: 'unbounded_cost', headers: [], message: NO_CEILING };
/** An error has a few lines. A longer one is too expensive to search for our credential. */
const ERROR_BYTES_MAX = 1024 * 1024;
/** A refusal names the field that it concerns near its beginning. */
const LESSON_BYTES_MAX = 64 * 1024;

/** Judges an attempt, and logs what failed. `triedOther` says that the other name of the ceiling was tried before. */
export function judge(
  exchange: Journaled,
  target: Target,
  attempt: Attempt,
  triedOther: boolean,
  log: RequestLog,
): Verdict {
  switch (attempt.kind) {
    case 'streamed':
      if (attempt.broken !== null) log.streamBroken(exchange, target, attempt.broken);
      return { kind: 'answered', outcome: attempt.outcome };
    case 'replied':
      return judgeReply(exchange, target, attempt, triedOther, log);
    case 'rejected': {
      keepReport(exchange, target, attempt.report);
      // The data of an event is JSON, whatever the content type of the stream.
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
      keepReport(exchange, target, attempt.report);
      const failure = failureOfError(attempt.error);
      log.attemptFailed(exchange, target, failure.code, { error: attempt.error });
      return { kind: 'failed', failure };
    }
    case 'aborted':
      return judgeAborted(exchange, target, attempt, log);
    default:
      return unreachable(attempt);
  }
}

function judgeAborted(
  exchange: Journaled,
  target: Target,
  { why, report }: Extract<Attempt, { kind: 'aborted' }>,
  log: RequestLog,
): Verdict {
  if (why !== 'client_left') keepReport(exchange, target, report);
  switch (why) {
    case 'revoked':
      return { kind: 'key_ended', refusal: exchange.keyEnd ?? KEY_ENDS.invalid_api_key };
    case 'key_in_doubt':
      return { kind: 'try_again' };
    case 'client_left': {
      // Unless it has told what it has done so far, that is unknown; but it has read the request.
      const { ask } = exchange;
      const counted = { inputTokens: ask.inputTokensEstimate, outputTokens: 0 };
      const { usage, usageSource } = judgeUsage(report, counted, true, askedOf(ask, target));
      return {
        kind: 'answered',
        outcome: { target, outcome: 'client_left', usage, usageSource, finish: () => undefined },
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
  if (attempt.status >= 300) {
    keepReport(exchange, target, reportOfError(attempt.body));
    return judgeError(exchange, target, attempt, 'error', triedOther, log);
  }
  const reply = speechTo(exchange, target).readReply(attempt.body, attempt.text);
  // A client that asked for a stream cannot read a plain reply.
  if (reply.kind === 'no_answer' || exchange.ask.stream) {
    keepReport(exchange, target, reply.report);
    const { status, why } = reply.kind === 'no_answer' ? reply.error : NO_ANSWER;
    return judgeError(exchange, target, { ...attempt, status }, why, triedOther, log);
  }
  const counted = { inputTokens: exchange.ask.inputTokensEstimate, outputTokens: reply.countedOutputTokens };
  const { usage, usageSource } = judgeUsage(reply.report, counted, false, askedOf(exchange.ask, target));
  const outcome = exchange.clientLeft ? 'client_left' : 'completed';
  return {
    kind: 'answered',
    outcome: {
      target,
      outcome,
      usage,
      usageSource,
      statusCode: attempt.status,
      finish: passOn(exchange, target, replacing(attempt, reply.body), usage),
    },
  };
}

/**
 * Judges an error of a provider, by its status or the status that its text stands for. An error about an injected field
 * is a lesson.
 */
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
  // A stream that is ended at its hold may go without a ceiling.
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
    failureOf(attempt.status, attempt.headers, kindOf(attempt)) ??
    failureOfConfiguration(exchange, target, attempt.status) ??
    failureToTell(exchange, target, attempt);
  log.attemptFailed(exchange, target, failure?.code ?? 'provider_refused', {
    status: attempt.status,
    why,
    ...(failure !== null && { words: attempt.body }),
  });
  if (failure !== null) return { kind: 'failed', failure };
  const told = toldError(exchange, target, attempt);
  return {
    kind: 'answered',
    outcome: unanswered(exchange, {
      target,
      outcome: 'provider_refused',
      statusCode: told.status,
      finish: passOn(exchange, target, told),
    }),
  };
}

/** What an error is about. A long one is none of a provider's. */
function kindOf({ status, body }: Replied): ErrorKind | null {
  return body.length > ERROR_BYTES_MAX ? null : readProviderError(status, body).kind;
}

/** An error about the request as the client is told it: in its dialect, and in the form of the path. */
function toldError(exchange: Journaled, target: Target, attempt: Replied): Replied {
  const told = speechTo(exchange, target).errorFor(attempt.status, attempt.body);
  if (told?.contentType === 'text/event-stream')
    return {
      ...attempt,
      status: told.status,
      headers: { 'content-type': told.contentType },
      body: told.body,
      text: null,
    };
  const error = told === null ? attempt : { ...replacing(attempt, told.body), status: told.status };
  return replacing(error, exchange.errors.ofProvider?.(error.status, error.body));
}

/** The reply with the body that the client is sent instead of the provider's; null or undefined if it is its own. */
function replacing(attempt: Replied, body: Buffer | null | undefined): Replied {
  if (body === null || body === undefined) return attempt;
  return { ...attempt, headers: { 'content-type': 'application/json' }, body, text: null };
}

/**
 * A failure, if the error says that the target is configured wrongly: another target may serve the request. The
 * caller's own model name can be the target's model only under a route with a `*`.
 */
function failureOfConfiguration(
  { ask, route }: Journaled,
  { provider, model }: Target,
  status: number,
): Failure | null {
  const isCallersModel = (model === ask.model || ask.model.endsWith(`/${model}`)) && model !== route.name;
  return provider.blamesConfiguration(status, isCallersModel) ? FAILED : null;
}

/**
 * A failure, if the error repeats our credential or half of it: it then tells more about our request than about the
 * caller's.
 */
function failureToTell(exchange: Journaled, target: Target, { body, text }: Replied): Failure | null {
  if (body.length > ERROR_BYTES_MAX) return FAILED;
  const { mask } = target.provider;
  if (mask === null || !(mask.isIn(body, text ?? undefined) || mask.isToldBy(body))) return null;
  exchange.credentialRepeatedBy = target;
  return FAILED;
}

/** The reply as a client may see it: each byte of our credential is replaced by `*`. */
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

/**
 * Passes on the provider's reply unchanged but for our credential: an answer with its usage, or an error about the
 * request. A caller that is told the cost of each answer gets it in the answer.
 */
function passOn(exchange: Journaled, target: Target, attempt: Replied, usage: TokenUsage | null = null): () => void {
  const { status, headers, body, text } = withoutCredential(exchange, target, attempt);
  const contentType = headerOf(headers, 'content-type') || 'application/json';
  if (usage === null || !exchange.isToldCost)
    return () =>
      sendReply(exchange, status, contentType, body, plainAnswerHeaders(exchange, target), text ?? undefined);
  return () => {
    const missing = exchange.ask.dialect.usageWords?.object(usage) ?? null;
    const told = replyWithCost(body, toldCost(exchange, target), missing);
    sendReply(exchange, status, contentType, told, plainAnswerHeaders(exchange, target));
  };
}
