import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { pepperIds } from '@tollgate/api-key';
import { PEPPER_ID_HEADER, Problem } from '@tollgate/http';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { FastifyRequest } from 'fastify';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../ports.js';

/** A gateway with the wrong pepper fails on each request; the error is logged at once, then at most every 10 s. */
const TOLD_INTERVAL_MS = 10_000;

/**
 * Refuses a call with 503 if none of the caller's peppers is one of ours. Digests made under another pepper match no
 * key, so an answer would call a valid key invalid, and a leaked key unknown. While a pepper is being replaced, callers
 * and this service may have the present one, the previous one or both. Callers of the previous release do not send
 * their peppers; they are let through.
 */
@Injectable()
export class SamePepperGuard implements CanActivate {
  private readonly ours: readonly string[];
  private toldAt = -Infinity;

  constructor(
    @Inject(KEY_MANAGEMENT_SETTINGS) { peppers }: KeyManagementSettings,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.ours = pepperIds(peppers);
  }

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const theirs = peppersOfCaller(request);
    if (theirs.length === 0 || theirs.some((each) => this.ours.includes(each))) return true;
    if (performance.now() - this.toldAt >= TOLD_INTERVAL_MS) {
      this.toldAt = performance.now();
      this.logger.error(
        { from: request.ip, theirPepper: theirs.join(), ourPepper: this.ours.join() },
        'a service with another TOLLGATE_PEPPER than this one was refused: it can serve no key until both have the same',
      );
    }
    throw new Problem('service_unavailable', { detail: 'The pepper of this service is another one.' });
  }
}

/**
 * Refuses a call with 503 unless the present pepper of the caller is ours: a digest under any other would be added to
 * keys for nothing. A gateway that was replaced before this service asks again later.
 */
@Injectable()
export class PresentPepperGuard implements CanActivate {
  private readonly present: string | undefined;

  constructor(@Inject(KEY_MANAGEMENT_SETTINGS) { peppers }: KeyManagementSettings) {
    [this.present] = pepperIds(peppers);
  }

  canActivate(context: ExecutionContext): boolean {
    const [present] = peppersOfCaller(context.switchToHttp().getRequest<FastifyRequest>());
    if (present === this.present) return true;
    throw new Problem('service_unavailable', { detail: 'The present pepper of this service is another one.' });
  }
}

/** The ids of the peppers that a caller names, the present one first; none from a caller of the previous release. */
function peppersOfCaller({ headers }: FastifyRequest): string[] {
  const named = headers[PEPPER_ID_HEADER];
  return typeof named === 'string' ? named.split(',').map((each) => each.trim()) : [];
}
