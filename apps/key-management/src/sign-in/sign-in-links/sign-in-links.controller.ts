import { Body, Controller, Post, Req, Res } from '@nestjs/common';
import { csrfTokenOf } from '@tollgate/auth';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { newPasswordField } from '../../people/passwords.js';
import { Callers } from '../caller.js';
import { linkTokenField } from '../link-token.js';
import { SessionCookies } from '../session-cookies.js';
import { openedSessionObject, openedSessionReply, type OpenedSessionObject } from '../session.reply.js';
import { SignInLinks } from './sign-in-links.js';

/** The body of `POST /v1/sign-in-links/use`. */
const useSignInLinkRequest = z
  .strictObject({ token: linkTokenField, password: newPasswordField.optional() })
  .meta({ id: 'UseSignInLink', examples: [{ token: 'bG9vayBiZWhpbmQgdGhlIGhhc2ggb2YgdGhlIGxpbmsu' }] });

/** Signing in by a link. */
@Tag('Sessions')
@Controller('v1/sign-in-links')
export class SignInLinksController {
  constructor(
    private readonly links: SignInLinks,
    private readonly callers: Callers,
    private readonly cookies: SessionCookies,
  ) {}

  @Post('use')
  @Operation({
    id: 'useSignInLink',
    summary: 'Sign in by a link',
    description:
      'By the link that the first start, or `npm run owner-link`, has printed. With a password, it becomes that of the ' +
      'person, and their other sessions end.',
  })
  @Replies(openedSessionReply, { 201: 'The session, whose token is in the cookie alone.' })
  @Refuses('invalid_link', 'rate_limit_exceeded', 'server_busy')
  async use(
    @Body({ schema: useSignInLinkRequest }) { token, password }: z.output<typeof useSignInLinkRequest>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OpenedSessionObject> {
    const signedIn = await this.links.use(token, password ?? null, this.callers.of(request));
    this.cookies.give(reply, signedIn.token);
    return openedSessionObject(signedIn, csrfTokenOf(signedIn.token));
  }
}
