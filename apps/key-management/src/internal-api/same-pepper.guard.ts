import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { pepperId } from '@tollgate/api-key';
import { PEPPER_ID_HEADER, Problem } from '@tollgate/http';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { FastifyRequest } from 'fastify';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../ports.js';

/** A gateway on the wrong pepper asks with each request: that is said at once, and again at times. */
const TOLD_INTERVAL_MS = 10_000;

/**
 * Refuses with 503 what asks about digests under another pepper: the answer would be that nobody has them, and a key
 * that exists would be called invalid, or a leaked one nobody's. Callers of the release before do not say their pepper.
 */
@Injectable()
export class SamePepperGuard implements CanActivate {
  private readonly ourPepper: string;
  private toldAt = -Infinity;

  constructor(
    @Inject(KEY_MANAGEMENT_SETTINGS) { pepper }: KeyManagementSettings,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.ourPepper = pepperId(pepper);
  }

  canActivate(context: ExecutionContext): boolean {
    const { headers, ip } = context.switchToHttp().getRequest<FastifyRequest>();
    const theirs = headers[PEPPER_ID_HEADER];
    if (theirs === undefined || theirs === this.ourPepper) return true;
    if (performance.now() - this.toldAt >= TOLD_INTERVAL_MS) {
      this.toldAt = performance.now();
      this.logger.error(
        { from: ip, theirPepper: theirs, ourPepper: this.ourPepper },
        'a service asks for keys under another TOLLGATE_PEPPER than this one has: it is refused, and serves no key until both have the same',
      );
    }
    throw new Problem('service_unavailable', { detail: 'The pepper of this service is another one.' });
  }
}
