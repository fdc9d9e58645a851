import type { TokenUsage } from '@tollgate/usage';
import { LogSampler, type Logger } from '@tollgate/telemetry';
import type { Target } from '../choose-route/route-table.js';
import type { AbortReason, Exchange } from './exchange.js';
import type { EventError } from '../../dialects/answer.js';
import { providerWords } from '../forward/provider-words.js';
import type { Refusal } from './refusal.js';

/** Details of an attempt that failed. */
export interface AttemptFailure {
  readonly status?: number;
  readonly why?: string;
  /** The provider's reply of any length. It is cut and masked before it is logged. */
  readonly words?: Buffer;
  readonly error?: Error & { code?: string };
}

/**
 * Logs one line for each refusal and each failed call, with request id, key id and code. By the `x-request-id` of a
 * reply an operator finds its reason. Lines contain no secret and none of the caller's content. Repeated lines are
 * sampled.
 */
export class RequestLog {
  readonly #sampler = new LogSampler();

  constructor(private readonly logger: Logger) {}

  /** Logs that a request was refused before it reached a provider. */
  refused(exchange: Exchange, { code, message, param }: Refusal): void {
    this.#write(
      exchange,
      code,
      { ...(message !== null && { reason: message }), ...(param !== null && { param }) },
      'a request was refused',
    );
  }

  /** Logs that a provider failed to answer. Another provider may still do so. */
  attemptFailed(exchange: Exchange, target: Target, code: string, { status, why, words, error }: AttemptFailure): void {
    const details = {
      ...ofTarget(target),
      ...(status !== undefined && { status }),
      ...(words !== undefined && { words: wordsOf(words, target) }),
      ...(error !== undefined && { reason: wordsOf(Buffer.from(error.message), target), errorCode: error.code }),
    };
    this.#write(exchange, code, details, messageOf(code, why, status));
  }

  /** Logs that a stream ended too early, after its client had received a part of it. */
  streamBroken(exchange: Exchange, target: Target, broken: EventError | Error | AbortReason): void {
    const details =
      typeof broken === 'string'
        ? { reason: broken }
        : broken instanceof Error
          ? { reason: wordsOf(Buffer.from(broken.message), target), errorCode: (broken as { code?: string }).code }
          : { status: broken.status, words: wordsOf(Buffer.from(broken.data, 'latin1'), target) };
    this.#write(exchange, 'provider_interrupted', { ...ofTarget(target), ...details }, 'a stream broke off');
  }

  /**
   * Logs a loss of the platform: a provider charges more than the hold of its call, or reports more than a call without
   * a hold can have used, or (`inVain`) what it used although the client got no answer from it.
   */
  loss(
    exchange: Exchange,
    target: Target,
    lossNanoUsd: bigint,
    { inputTokens, outputTokens }: TokenUsage,
    inVain: boolean,
  ): void {
    const details = { ...ofTarget(target), lossNanoUsd: lossNanoUsd.toString(), inputTokens, outputTokens };
    const message = inVain
      ? 'a provider reported usage of an attempt that gave no answer'
      : exchange.holdNanoUsd === null
        ? 'a provider reported more than the call can have used'
        : 'a call cost more than was held for it';
    this.#write(exchange, 'platform_loss', details, message);
  }

  /** Logs an alarm: a provider's answer contained our credential for it, so readers of its logs may have it too. */
  credentialRepeated(exchange: Exchange, target: Target): void {
    const message = 'the answer of a provider contained our credential for it: find out why, and change the credential';
    this.#write(exchange, 'credential_repeated', ofTarget(target), message, 'error');
  }

  #write(exchange: Exchange, code: string, details: object, message: string, level: 'warn' | 'error' = 'warn'): void {
    const apiKeyId = exchange.key?.snapshot.apiKeyId;
    const suppressed = this.#sampler.take(`${code} ${apiKeyId ?? ''}`);
    if (suppressed === -1) return;
    this.logger[level](
      { requestId: exchange.requestId, apiKeyId, code, ...details, ...(suppressed > 0 && { suppressed }) },
      message,
    );
  }
}

function wordsOf(words: Buffer, { provider: { credential, mask } }: Target): string {
  return providerWords(words, credential, mask);
}

function ofTarget({ provider, model }: Target): object {
  return { provider: provider.name, model };
}

function messageOf(code: string, why: string | undefined, status: number | undefined): string {
  if (why === 'no_answer') return 'the reply of a provider is no answer';
  if (status !== undefined) return 'a provider answered with an error';
  switch (code) {
    case 'provider_unreachable':
      return 'a provider could not be reached';
    case 'provider_timeout':
      return 'a provider did not answer in time';
    default:
      return 'a provider broke off before its answer';
  }
}
