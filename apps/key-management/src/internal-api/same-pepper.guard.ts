import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { PEPPER_ID_HEADER, Problem } from '@tollgate/http';
import type { Logger } from '@tollgate/telemetry';
import type { FastifyRequest } from 'fastify';

/** Token of the pepper that digests are looked up under, for `SamePepperGuard`. */
export const OUR_PEPPER = Symbol('OUR_PEPPER');

export interface OurPepper {
  readonly id: string;
  readonly logger: Logger;
}

/** A gateway on the wrong pepper asks with each request: that is said at once, and again at times. */
const TOLD_INTERVAL_MS = 10_000;

/**
 * Refuses with 503 what asks about digests under another pepper: the answer would be that nobody has them, and a key
 * that exists would be called invalid, or a leaked one nobody's. Callers of the release before do not say their pepper.
 */
@Injectable()
export class SamePepperGuard implements CanActivate {
  #toldAt = -Infinity;

  constructor(@Inject(OUR_PEPPER) private readonly ours: OurPepper) {}

  canActivate(context: ExecutionContext): boolean {
    const { headers, ip } = context.switchToHttp().getRequest<FastifyRequest>();
    const theirs = headers[PEPPER_ID_HEADER];
    if (theirs === undefined || theirs === this.ours.id) return true;
    if (performance.now() - this.#toldAt >= TOLD_INTERVAL_MS) {
      this.#toldAt = performance.now();
      this.ours.logger.error(
        { from: ip, theirPepper: theirs, ourPepper: this.ours.id },
        'a service asks for keys under another TOLLGATE_PEPPER than this one has: it is refused, and serves no key until both have the same',
      );
    }
    throw new Problem('service_unavailable', { detail: 'The pepper of this service is another one.' });
  }
}
