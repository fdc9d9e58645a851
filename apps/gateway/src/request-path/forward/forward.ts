import type { ErrorCode } from '@tollgate/errors';
import type { Logger } from '@tollgate/telemetry';
import type { Target } from '../choose-route/route-table.js';
import type { Exchange } from '../exchange.js';
import { refuse } from '../refusal.js';
import { sendRefusal, sendReply } from '../reply.js';
import { NO_USAGE, type CallOutcome } from './call.js';
import { callProvider, contentTypeOf, type Attempt } from './provider-call.js';
import { countReply, usageOfReply } from './usage-report.js';

type Failure = { readonly code: ErrorCode; readonly headers: readonly string[] };

const REVOKED: Failure = { code: 'invalid_api_key', headers: [] };

/**
 * Calls the targets in their order until one answers: the next is tried only before the first byte has reached the
 * client. What the last one failed with is the answer. Never rejects.
 */
export async function forward(exchange: Exchange, logger: Logger): Promise<CallOutcome> {
  let failure: Failure = { code: 'provider_unreachable', headers: [] };
  let last = exchange.targets[0]!;
  for (const target of exchange.targets) {
    last = target;
    if (exchange.revoked) return failed(exchange, target, REVOKED, 'revoked');
    const attempt = await callProvider(exchange, target);
    switch (attempt.kind) {
      case 'streamed':
        return attempt.outcome;
      case 'aborted':
        if (attempt.why === 'revoked') return failed(exchange, target, REVOKED, 'revoked');
        failure = { code: 'provider_timeout', headers: [] };
        break;
      case 'failed':
        failure = failureOf(attempt.error);
        break;
      case 'replied': {
        const refused = failureOfStatus(attempt);
        if (refused === null) return replied(exchange, target, attempt);
        failure = refused;
        break;
      }
    }
    logger.warn({ requestId: exchange.requestId, provider: target.provider.name, code: failure.code, ...problemOf(attempt) }, 'a provider did not answer');
  }
  return failed(exchange, last, failure, 'provider_failed');
}

/** The provider's own words, for whatever it took as a request: a completion, or what was wrong with the body. */
function replied(exchange: Exchange, target: Target, { status, headers, body }: Extract<Attempt, { kind: 'replied' }>): CallOutcome {
  const finish = (): void => sendReply(exchange, status, contentTypeOf(headers) || 'application/json', body, []);
  if (status >= 300) return { target, outcome: 'provider_refused', usage: NO_USAGE, usageSource: 'none', finish };
  const outcome = exchange.reply.destroyed ? 'client_left' : 'completed';
  const reported = usageOfReply(body);
  if (reported !== null) return { target, outcome, usage: reported, usageSource: 'provider', finish };
  const usage = { ...NO_USAGE, inputTokens: exchange.inputTokensEstimate, outputTokens: countReply(body) };
  return { target, outcome, usage, usageSource: 'counted', finish };
}

function failed(exchange: Exchange, target: Target, failure: Failure, outcome: 'provider_failed' | 'revoked'): CallOutcome {
  const finish = (): void => sendRefusal(exchange, refuse(failure.code, { headers: failure.headers }));
  return { target, outcome, usage: NO_USAGE, usageSource: 'none', finish };
}

/** Null for a reply that is the caller's to see. Our own account's trouble is not: a 401 would blame the caller's key, a 402 the caller's credit. */
function failureOfStatus({ status, headers }: Extract<Attempt, { kind: 'replied' }>): Failure | null {
  if (status === 429) {
    const retryAfter = headers['retry-after'];
    return { code: 'provider_overloaded', headers: retryAfter === undefined ? [] : ['retry-after', retryAfter] };
  }
  if (status === 504 || status === 408) return { code: 'provider_timeout', headers: [] };
  if (status >= 500 || OUR_ACCOUNT.has(status) || (status >= 300 && status < 400)) return { code: 'provider_failed', headers: [] };
  return null;
}

const OUR_ACCOUNT: ReadonlySet<number> = new Set([401, 402, 403, 407]);
const TIMEOUTS: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);
const UNREACHABLE: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT', 'ERR_PRIVATE_ADDRESS']);

function failureOf(error: Error & { code?: string }): Failure {
  if (TIMEOUTS.has(error.code ?? '')) return { code: 'provider_timeout', headers: [] };
  return { code: UNREACHABLE.has(error.code ?? '') ? 'provider_unreachable' : 'provider_failed', headers: [] };
}

function problemOf(attempt: Attempt): object {
  if (attempt.kind === 'failed') return { error: attempt.error };
  return attempt.kind === 'replied' ? { status: attempt.status } : {};
}
