import type { TokenUsage } from '@tollgate/pricing';
import { LogSampler, type Logger } from '@tollgate/telemetry';
import type { Target } from '../choose-route/route-table.js';
import type { AbortReason, Exchange } from './exchange.js';
import type { EventError } from '../../dialects/dialect.js';
import { providerWords } from '../forward/provider-words.js';
import type { Refusal } from './refusal.js';

/** What is known of an attempt that failed. */
export interface AttemptFailure {
  readonly status?: number;
  readonly why?: string;
  /** The provider's own, unbounded; cut and masked before it is written. */
  readonly words?: Buffer;
  readonly error?: Error & { code?: string };
}

/**
 * One line for each refusal and each failed call, by request id, key id and code: whoever runs the gateway finds by
 * the `x-request-id` of a reply why it was given. Lines never hold a secret, and of a caller's content nothing; a
 * flood is sampled.
 */
export class RequestLog {
  readonly #sampler = new LogSampler();

  constructor(private readonly logger: Logger) {}

  /** A request has left the path without reaching a provider. */
  refused(exchange: Exchange, { code, message, param }: Refusal): void {
    this.#write(
      exchange,
      code,
      { ...(message !== null && { reason: message }), ...(param !== null && { param }) },
      'a request was refused',
    );
  }

  /** A provider did not give what it was asked for; another may. */
  attemptFailed(exchange: Exchange, target: Target, code: string, { status, why, words, error }: AttemptFailure): void {
    const details = {
      ...ofTarget(target),
      ...(status !== undefined && { status }),
      ...(words !== undefined && { words: wordsOf(words, target) }),
      ...(error !== undefined && { reason: wordsOf(Buffer.from(error.message), target), errorCode: error.code }),
    };
    this.#write(exchange, code, details, messageOf(code, why, status));
  }

  /** A stream ended before it was whole, and its client had a part of it. */
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
   * A provider charges more than the credit that was held for its call, or reports more than a call without a hold can
   * have used: the rest is the platform's.
   */
  loss(exchange: Exchange, target: Target, lossNanoUsd: bigint, { inputTokens, outputTokens }: TokenUsage): void {
    const details = { ...ofTarget(target), lossNanoUsd: lossNanoUsd.toString(), inputTokens, outputTokens };
    const message =
      exchange.holdNanoUsd === null
        ? 'a provider reported more than the call can have used'
        : 'a call cost more than was held for it';
    this.#write(exchange, 'platform_loss', details, message);
  }

  /** An answer of a provider held our credential at it. Whoever reads its logs may have it too: that is an alarm. */
  credentialRepeated(exchange: Exchange, target: Target): void {
    const message = 'the answer of a provider held our credential there: find out why, and change the credential';
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
  if (why === 'no_answer') return 'a provider replied with something that is no answer';
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
