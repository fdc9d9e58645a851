import { readFileSync } from 'node:fs';
import { Controller, Get, Header, Res } from '@nestjs/common';
import { Operation, Replies, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { accountPage, type AccountPage } from './account-pages.js';

/** Files of the pages; from the sources and from what was compiled of them, they are at the same place. */
const asset = (name: string): string => readFileSync(new URL(`../../../assets/${name}`, import.meta.url), 'utf8');

/**
 * Scripts and styles are ours alone, no other site may show the page, and nobody is told where its visitor came from.
 */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; " +
    "frame-ancestors 'none'; base-uri 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

const HTML = 'text/html; charset=utf-8';

/**
 * Plain pages for signing in and for the links of mails. To open one changes nothing, and neither does a script that
 * runs on it: the token in the link's fragment is spent by the request that a button sends.
 */
@Tag('Pages')
@Controller()
export class AccountPagesController {
  private readonly script = asset('account.js');
  private readonly style = asset('account.css');

  @Get('sign-in')
  @Operation({
    id: 'getSignInPage',
    summary: 'Show the page for signing in',
    description: '`?return_to=/path` names a path of this origin that the browser goes to afterwards.',
  })
  @Replies(null, { 200: 'The page.' }, ['text/html'])
  signIn(@Res({ passthrough: true }) reply: FastifyReply): string {
    return this.page('sign-in', reply);
  }

  @Get('invitation')
  @Operation({ id: 'getInvitationPage', summary: 'Show the page for accepting an invitation' })
  @Replies(null, { 200: 'The page.' }, ['text/html'])
  invitation(@Res({ passthrough: true }) reply: FastifyReply): string {
    return this.page('invitation', reply);
  }

  @Get('password-reset')
  @Operation({ id: 'getPasswordResetPage', summary: 'Show the page for setting a new password' })
  @Replies(null, { 200: 'The page.' }, ['text/html'])
  passwordReset(@Res({ passthrough: true }) reply: FastifyReply): string {
    return this.page('password-reset', reply);
  }

  @Get('email-confirmation')
  @Operation({ id: 'getEmailConfirmationPage', summary: 'Show the page for confirming an e-mail address' })
  @Replies(null, { 200: 'The page.' }, ['text/html'])
  emailConfirmation(@Res({ passthrough: true }) reply: FastifyReply): string {
    return this.page('email-confirmation', reply);
  }

  @Get('sign-in-link')
  @Operation({ id: 'getSignInLinkPage', summary: 'Show the page for signing in by a link' })
  @Replies(null, { 200: 'The page.' }, ['text/html'])
  signInLink(@Res({ passthrough: true }) reply: FastifyReply): string {
    return this.page('sign-in-link', reply);
  }

  @Get('account-pages/account.js')
  @Operation({ id: 'getAccountPagesScript', summary: 'The script of these pages' })
  @Replies(null, { 200: 'The script.' }, ['text/javascript'])
  @Header('content-type', 'text/javascript; charset=utf-8')
  getScript(@Res({ passthrough: true }) reply: FastifyReply): string {
    void reply.headers(HEADERS);
    return this.script;
  }

  @Get('account-pages/account.css')
  @Operation({ id: 'getAccountPagesStyle', summary: 'The style of these pages' })
  @Replies(null, { 200: 'The style.' }, ['text/css'])
  @Header('content-type', 'text/css; charset=utf-8')
  getStyle(@Res({ passthrough: true }) reply: FastifyReply): string {
    void reply.headers(HEADERS);
    return this.style;
  }

  private page(page: AccountPage, reply: FastifyReply): string {
    void reply.headers(HEADERS).type(HTML);
    return accountPage(page);
  }
}
