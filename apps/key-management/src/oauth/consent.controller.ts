import { createHmac, timingSafeEqual } from 'node:crypto';
import { Body, Controller, Get, Inject, Post, Query, Req, Res } from '@nestjs/common';
import type { PersonPrincipal } from '@tollgate/access';
import { ADMIN_API_SETTINGS, actorOf, attachedPrincipal, requestOrigin, type AdminApiSettings } from '@tollgate/auth';
import { fieldErrors, validate, type FieldError } from '@tollgate/errors';
import { parseForm, Problem } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag, TakesForm } from '@tollgate/openapi';
import { ServiceDatabase } from '@tollgate/postgres';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PersonStore } from '../people/person-store.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../ports.js';
import { ProjectStore } from '../projects/project-store.js';
import { SessionCookies } from '../sign-in/session-cookies.js';
import type { OrganizationChoice } from './authorization-code-store.js';
import { withParameter } from './callback-url.js';
import { backPage, consentPage, noOrganizationPage, type EnteredFields } from './consent-page.js';
import { authQuery, consentForm, keyRequestOf, readWish, type ConsentForm, type KeyWish } from './consent.request.js';
import { GiveCode } from './give-code.js';

/**
 * No script, no frame, and forms that lead here alone. The page tells its address to our own origin: without that a
 * browser says `Origin: null` of its form, and we could not tell it from a foreign one.
 */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};
const HTML = 'text/html; charset=utf-8';
const PROJECTS_SHOWN_MAX = 100;

/** Who agrees: the person with the token of their session, which the page's token follows from. */
interface Visitor {
  readonly person: PersonPrincipal;
  readonly email: string;
  readonly sessionToken: string;
}

/** The page on which a person agrees to give an app a key. It works without scripts. */
@Tag('Keys for apps')
@Controller('auth')
export class ConsentController {
  constructor(
    private readonly giveCode: GiveCode,
    private readonly database: ServiceDatabase,
    private readonly projects: ProjectStore,
    private readonly people: PersonStore,
    private readonly cookies: SessionCookies,
    @Inject(ADMIN_API_SETTINGS) private readonly api: AdminApiSettings,
    @Inject(KEY_MANAGEMENT_SETTINGS) private readonly settings: KeyManagementSettings,
  ) {}

  @Get()
  @Operation({
    id: 'getConsentPage',
    summary: 'Show a person which app asks for a key',
    description:
      'An app sends its person here. Who is not signed in is led to the page to sign in on and back. When the person has ' +
      'agreed the browser goes to `callback_url` with `code` added to its query, else with `error=access_denied`. ' +
      'A `code_challenge` is needed unless the operator has set `oauth.allow_without_challenge` in config.yaml.',
  })
  @Replies(null, { 200: 'The page.', 303: 'To the page to sign in on.' }, ['text/html'])
  async show(
    @Query({ schema: authQuery }) query: Parameters<typeof readWish>[0],
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const now = new Date();
    const read = readWish(query, this.settings.oauthWithoutChallenge, now);
    if (read.kind === 'invalid') throw new Problem('invalid_request', { errors: read.errors });
    const visitor = await this.visitorOf(request);
    if (visitor === null) return toSignIn(reply, read.wish);
    return this.page(reply, read.wish, visitor, enteredFor(read.wish), []);
  }

  @Post()
  @Operation({
    id: 'answerConsent',
    summary: 'Agree to give an app a key, or decline',
    description: 'The form of the page sends this. The reply is a page that leads the browser to the callback.',
  })
  @TakesForm(consentForm)
  @Refuses('invalid_csrf_token', 'organization_not_found')
  @Replies(null, { 200: 'A page that leads back to the app.', 303: 'To the page to sign in on.' }, ['text/html'])
  async answer(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const now = new Date();
    const form = parseForm(consentForm, body, request);
    // A foreign page was refused before its body. Browsers say from which page a form is, so what says nothing is none.
    if (requestOrigin(request.headers, this.api.publicUrl) !== 'own') throw new Problem('foreign_origin');
    const wish = this.wishOf(form, now);
    const visitor = await this.visitorOf(request);
    if (visitor === null) return toSignIn(reply, wish);
    if (!tokenFits(form.csrf_token, consentToken(visitor, form.organization_id, wish)))
      throw new Problem('invalid_csrf_token', { detail: 'The form is not of this session: open the page anew.' });
    const { callback } = wish;
    if (form.decision === 'decline')
      return back(reply, withParameter(callback, 'error', 'access_denied'), callback, false);
    const [choice] = await this.choicesOf(visitor, form.organization_id);
    const asked = keyRequestOf(form, wish, now);
    const errors = asked.kind === 'invalid' ? asked.errors : await this.projectFaults(form);
    if (choice?.id !== form.organization_id || asked.kind === 'invalid' || errors.length > 0) {
      void reply.code(400);
      return this.page(reply, { ...wish, organizationId: form.organization_id }, visitor, form, errors);
    }
    const url = await this.giveCode.execute(visitor.person, choice.id, wish, asked.request, actorOf(request), now);
    return back(reply, url, callback, true);
  }

  /** The wish that the page was asked for with, by the same rules as then. */
  private wishOf(form: ConsentForm, now: Date): KeyWish {
    const query = validate(authQuery, Object.fromEntries(new URLSearchParams(form.request)));
    const read =
      query.kind === 'invalid'
        ? ({ kind: 'invalid', errors: fieldErrors(query.faults) } as const)
        : readWish(query.value, this.settings.oauthWithoutChallenge, now);
    if (read.kind === 'invalid') throw new Problem('invalid_request', { errors: read.errors });
    return read.wish;
  }

  private async visitorOf(request: FastifyRequest): Promise<Visitor | null> {
    const person = attachedPrincipal(request);
    const sessionToken = this.cookies.tokenOf(request);
    if (person?.kind !== 'person' || sessionToken === null) return null;
    const known = await this.database.outsideOrganizations((manager) => this.people.find(manager, person.personId));
    return known === null ? null : { person, email: known.email, sessionToken };
  }

  /** The organisations in which the person may make keys, the one with this id first, if it is among them. */
  private async choicesOf({ person }: Visitor, first: string | null): Promise<OrganizationChoice[]> {
    const choices = await this.giveCode.choicesOf(person);
    const wanted = choices.find(({ id }) => id === first);
    return wanted === undefined ? choices : [wanted, ...choices.filter((each) => each !== wanted)];
  }

  private async projectFaults({ organization_id: organizationId, project_id: id }: ConsentForm): Promise<FieldError[]> {
    if (id === '' || (await this.projects.find(organizationId, id)) !== null) return [];
    return [{ path: 'project_id', message: 'must be one of this organisation' }];
  }

  private async page(
    reply: FastifyReply,
    wish: KeyWish,
    visitor: Visitor,
    entered: EnteredFields,
    errors: readonly FieldError[],
  ): Promise<string> {
    void reply.headers(HEADERS).type(HTML);
    const choices = await this.choicesOf(visitor, wish.organizationId ?? visitor.person.organizationId);
    const [organization] = choices;
    if (organization === undefined) return noOrganizationPage(wish, visitor.email);
    const projects = await this.projects.list(organization.id, PROJECTS_SHOWN_MAX, null);
    return consentPage({
      wish,
      email: visitor.email,
      organizations: choices,
      organization,
      projects: projects.map(({ project }) => project),
      csrfToken: consentToken(visitor, organization.id, wish),
      entered,
      errors,
    });
  }
}

/** What the fields have at first: what the app asks for. */
function enteredFor({ label, callback, creditLimitUsd, creditReset }: KeyWish): EnteredFields {
  return {
    name: label ?? callback.host,
    credit_limit_usd: creditLimitUsd ?? '',
    credit_reset: creditReset,
    models: '',
    expires_in_days: '',
    project_id: '',
  };
}

function toSignIn(reply: FastifyReply, { query, organizationId }: KeyWish): string {
  const organization = organizationId === null ? '' : `&${new URLSearchParams({ organization_id: organizationId })}`;
  const path = `/auth?${query}${organization}`;
  const location = `/sign-in?return_to=${encodeURIComponent(path)}`;
  void reply
    .code(303)
    .headers({ ...HEADERS, location })
    .type(HTML);
  return '';
}

/** Nobody is told where the browser came from: the address of our page has nothing that the app needs. */
function back(reply: FastifyReply, url: string, callback: KeyWish['callback'], agreed: boolean): string {
  void reply.headers({ ...HEADERS, 'referrer-policy': 'no-referrer' }).type(HTML);
  return backPage(url, callback, agreed);
}

/** The token of the form: of this session, for this organisation and this wish. Nothing is stored for it. */
function consentToken({ sessionToken }: Visitor, organizationId: string, { query }: KeyWish): string {
  return createHmac('sha256', sessionToken)
    .update(JSON.stringify(['consent', organizationId, query]))
    .digest('base64url');
}

function tokenFits(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
