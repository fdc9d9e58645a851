import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { pepperId } from '@tollgate/api-key';
import { PEPPER_ID_HEADER, Problem } from '@tollgate/http';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { FastifyRequest } from 'fastify';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../ports.js';

/** A gateway with the wrong pepper fails on each request; the error is logged at once, then at most every 10 s. */
const TOLD_INTERVAL_MS = 10_000;

/**
 * Refuses a call with 503 if the caller's pepper differs from ours. Digests made under another pepper match no key, so
 * an answer would call a valid key invalid, and a leaked key unknown. Callers of the previous release do not send their
 * pepper; they are let through.
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
        'a service with another TOLLGATE_PEPPER than this one was refused: it can serve no key until both have the same',
      );
    }
    throw new Problem('service_unavailable', { detail: 'The pepper of this service is another one.' });
  }
}
