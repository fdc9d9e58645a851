import { Body, Controller, Delete, Get, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { PersonPrincipal, Principal } from '@tollgate/access';
import { csrfTokenOf, CurrentActor, CurrentPrincipal, type Actor } from '@tollgate/auth';
import { listOf, Problem } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SignedIn } from './begin-session.js';
import { Callers } from './caller.js';
import { OwnSessions } from './own-sessions.js';
import { personOf } from './person-of.js';
import { SessionCookies } from './session-cookies.js';
import {
  endedSessionReply,
  openedSessionObject,
  openedSessionReply,
  sessionListReply,
  sessionObject,
  type EndedSession,
  type OpenedSessionObject,
} from './session.reply.js';
import {
  createSessionRequest,
  listSessionsRequest,
  SESSION_PAGES,
  sessionPath,
  stepUpRequest,
  type CreateSessionRequest,
  type ListSessionsRequest,
  type SessionPath,
  type StepUpRequest,
} from './session.request.js';
import type { Session } from './session.js';
import { SignInByPassword } from './sign-in-by-password.js';
import { StepUp } from './step-up.js';

/** Sessions of people: signing in, signing out, and where one is signed in. */
@Tag('Sessions')
@Controller('v1/sessions')
export class SessionsController {
  constructor(
    private readonly signIn: SignInByPassword,
    private readonly stepUp: StepUp,
    private readonly own: OwnSessions,
    private readonly callers: Callers,
    private readonly cookies: SessionCookies,
  ) {}

  @Post()
  @Operation({
    id: 'createSession',
    summary: 'Sign in by password',
    description:
      'The reply sets the cookie of the session. A session that the client has from before ends. ' +
      'What was wrong, the address or the password, is not said.',
  })
  @Replies(openedSessionReply, { 201: 'The session, whose token is in the cookie alone.' })
  @Refuses('sign_in_failed', 'rate_limit_exceeded', 'server_busy')
  async create(
    @Body({ schema: createSessionRequest }) { email, password }: CreateSessionRequest,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OpenedSessionObject> {
    return this.opened(await this.signIn.execute(email, password, this.callers.of(request)), reply);
  }

  @Get()
  @Operation({
    id: 'listSessions',
    summary: "List one's own sessions",
    description: 'Newest first. There are at most 100.',
  })
  @Replies(sessionListReply, { 200: 'One page of sessions.' })
  async list(
    @Query({ schema: listSessionsRequest }) { limit, cursor }: ListSessionsRequest,
    @CurrentPrincipal() principal: Principal,
  ) {
    const person = personOf(principal);
    const { personId, sessionId } = person;
    const filters = { person: personId };
    const after = SESSION_PAGES.positionOf(cursor, { organizationId: null, filters });
    const all = await this.own.list(person);
    const rest = after === null ? all : all.filter((session) => comesAfter(positionOf(session), after));
    const page = SESSION_PAGES.page(rest, limit, { organizationId: null, filters }, positionOf);
    return listOf(page, (session) => sessionObject(session, sessionId));
  }

  @Delete('current')
  @Operation({ id: 'deleteCurrentSession', summary: 'Sign out', description: 'The reply takes the cookie away.' })
  @Replies(endedSessionReply, { 200: 'The session has ended.' })
  async deleteCurrent(
    @CurrentActor() actor: Actor,
    @CurrentPrincipal() principal: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EndedSession> {
    return this.end(actor, personOf(principal), personOf(principal).sessionId, reply);
  }

  @Delete(':id')
  @Operation({ id: 'deleteSession', summary: "End one of one's own sessions" })
  @Replies(endedSessionReply, { 200: 'The session has ended.' })
  @Refuses('session_not_found')
  async delete(
    @Param({ schema: sessionPath }) { id }: SessionPath,
    @CurrentActor() actor: Actor,
    @CurrentPrincipal() principal: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EndedSession> {
    return this.end(actor, personOf(principal), id, reply);
  }

  @Post('current/step-up')
  @Operation({
    id: 'stepUpSession',
    summary: 'Prove again who one is',
    description:
      'Some operations ask for a step-up (403 `step_up_required`), which is good for 10 minutes. The reply sets another cookie, and has another ' +
      '`csrf_token`; the ones before are no longer accepted.',
  })
  @Replies(openedSessionReply, { 200: 'The session, whose new token is in the cookie alone.' })
  @Refuses('sign_in_failed', 'conflict', 'rate_limit_exceeded', 'server_busy')
  async prove(
    @Body({ schema: stepUpRequest }) { password }: StepUpRequest,
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OpenedSessionObject> {
    return this.opened(await this.stepUp.byPassword(personOf(principal), password, this.callers.of(request)), reply);
  }

  private opened(signedIn: SignedIn, reply: FastifyReply): OpenedSessionObject {
    this.cookies.give(reply, signedIn.token);
    return openedSessionObject(signedIn, csrfTokenOf(signedIn.token));
  }

  private async end(actor: Actor, principal: PersonPrincipal, id: string, reply: FastifyReply): Promise<EndedSession> {
    if (!(await this.own.end(principal, id, actor))) throw new Problem('session_not_found');
    if (id === principal.sessionId) this.cookies.takeAway(reply);
    return { object: 'session', id, ended: true };
  }
}

/** Sessions begin at whole milliseconds; cursors count microseconds. */
const positionOf = ({ createdAt, id }: Session): [string, string] => [createdAt.toISOString().replace('Z', '000Z'), id];

const comesAfter = ([at, id]: readonly [string, string], [lastAt, lastId]: readonly [string, string]): boolean =>
  at < lastAt || (at === lastAt && id < lastId);
