import { Module } from '@nestjs/common';
import { PeopleModule } from '../people/people.module.js';
import { KeyStoreModule } from '../store/store.module.js';
import { Attempts } from './attempts.js';
import { BeginSession } from './begin-session.js';
import { Callers } from './caller.js';
import { EmailConfirmationsController } from './email-confirmations/email-confirmations.controller.js';
import { EmailConfirmations } from './email-confirmations/email-confirmations.js';
import { FirstOwner } from './first-owner.js';
import { Links } from './links.js';
import { MailsModule } from './mails/mails.module.js';
import { OneTimeTokens } from './one-time-tokens/one-time-tokens.js';
import { OwnSessions } from './own-sessions.js';
import { AccountPagesController } from './pages/account-pages.controller.js';
import { PasswordResetsController } from './password-resets/password-resets.controller.js';
import { PasswordResets } from './password-resets/password-resets.js';
import { SessionCookies } from './session-cookies.js';
import { SessionsController } from './sessions.controller.js';
import { SessionsModule } from './sessions.module.js';
import { SignInByPassword } from './sign-in-by-password.js';
import { SignInLinksController } from './sign-in-links/sign-in-links.controller.js';
import { SignInLinks } from './sign-in-links/sign-in-links.js';
import { StepUp } from './step-up.js';

/** Signing in and out, passwords, links of mails, and the pages for them. */
@Module({
  imports: [KeyStoreModule, MailsModule, PeopleModule, SessionsModule],
  controllers: [
    SessionsController,
    PasswordResetsController,
    EmailConfirmationsController,
    SignInLinksController,
    AccountPagesController,
  ],
  providers: [
    Attempts,
    BeginSession,
    Callers,
    EmailConfirmations,
    FirstOwner,
    Links,
    OneTimeTokens,
    OwnSessions,
    PasswordResets,
    SessionCookies,
    SignInByPassword,
    SignInLinks,
    StepUp,
  ],
  exports: [Attempts, BeginSession, Callers, FirstOwner, Links, OneTimeTokens, PasswordResets, SessionCookies],
})
export class SignInModule {}
