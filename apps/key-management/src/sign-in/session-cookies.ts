import { Inject, Injectable } from '@nestjs/common';
import {
  ADMIN_API_SETTINGS,
  cookiesNamed,
  endedSessionCookie,
  sessionCookie,
  sessionCookieName,
  type AdminApiSettings,
} from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** The cookie that carries a session's token. Its name and `Secure` follow the configured public origin. */
@Injectable()
export class SessionCookies {
  constructor(@Inject(ADMIN_API_SETTINGS) private readonly settings: Pick<AdminApiSettings, 'publicUrl'>) {}

  /**
   * The token that a request shows; null if it shows none.
   * @throws {Problem} `invalid_request` if there are two: one of them could be a sibling domain's
   */
  tokenOf(request: Pick<FastifyRequest, 'headers'>): string | null {
    const name = sessionCookieName(this.settings.publicUrl);
    const [token, second] = cookiesNamed(request.headers.cookie, name);
    if (second !== undefined)
      throw new Problem('invalid_request', { detail: `The cookie ${name} is there more than once.` });
    return token ?? null;
  }

  give(reply: FastifyReply, token: string): void {
    void reply.header('set-cookie', sessionCookie(this.settings.publicUrl, token));
  }

  takeAway(reply: FastifyReply): void {
    void reply.header('set-cookie', endedSessionCookie(this.settings.publicUrl));
  }
}
