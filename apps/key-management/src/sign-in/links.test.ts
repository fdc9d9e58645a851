import { ServiceDatabase } from '@tollgate/postgres';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Passwords } from '../people/passwords.js';
import type { TokenPurpose } from './one-time-tokens/one-time-token.js';
import { OneTimeTokens } from './one-time-tokens/one-time-tokens.js';
import { newToken } from './session-token.js';
import { newAddress, ORIGIN, PASSWORD, startSignInStage, type Answer, type SignInStage } from './sign-in-stage.js';

const HOUR = 3_600_000;
const NEW_PASSWORD = 'another horse, another staple';

let s: SignInStage;
beforeAll(async () => void (s = await startSignInStage()), 60_000);
afterAll(() => s?.stop(), 30_000);

/** A token as a link has it, issued at a moment. */
const issue = async (purpose: TokenPurpose, personId: string, at = new Date()): Promise<string> => {
  const issued = await s.stage.app
    .get(ServiceDatabase)
    .outsideOrganizations((manager) => s.stage.app.get(OneTimeTokens).issue(manager, purpose, personId, at));
  return issued.token;
};
const ask = (email: string, headers: Record<string, string> = {}, from?: string): Promise<Answer> =>
  s.send('POST', '/v1/password-resets', { body: { email }, headers, ...(from !== undefined && { from }) });
const finish = (token: string, password = NEW_PASSWORD, from = newAddress()): Promise<Answer> =>
  s.send('POST', '/v1/password-resets/finish', { body: { token, password }, from });
const confirm = (token: string): Promise<Answer> =>
  s.send('POST', '/v1/email-confirmations/finish', { body: { token } });
const useLink = (token: string, password?: string): Promise<Answer> =>
  s.send('POST', '/v1/sign-in-links/use', { body: { token, ...(password !== undefined && { password }) } });

const asked = { object: 'password_reset', state: 'requested' };

describe('a new password by mail', () => {
  it('is set by the link that was mailed, and ends all sessions and all other links', async () => {
    const { email, id } = await s.person();
    const [one, other] = [await s.signIn(email), await s.signIn(email)];
    const stranger = await s.signIn((await s.person()).email);
    const earlier = await issue('password_reset', id);
    const signInLink = await issue('sign_in_link', id);
    const confirmation = await issue('email_confirmation', id);
    expect(await ask(email.toUpperCase())).toMatchObject({ status: 202, body: asked });
    const token = await s.mailedToken(email, 'new password');
    expect(await finish(token)).toMatchObject({ status: 200, body: { object: 'password_reset', state: 'finished' } });
    for (const as of [one, other]) expect((await s.send('GET', '/v1/sessions', { as })).status).toBe(401);
    expect((await s.send('GET', '/v1/sessions', { as: stranger })).status).toBe(200);
    for (const refused of [await finish(token), await finish(earlier), await useLink(signInLink)])
      expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_link' } });
    expect((await s.send('POST', '/v1/sessions', { body: { email, password: PASSWORD } })).status).toBe(401);
    await s.signIn(email, NEW_PASSWORD);
    expect((await confirm(confirmation)).status).toBe(200);
    await s.relayed();
    expect(s.mailsTo(email).map(({ subject }) => subject)).toEqual([
      'Set a new password for Tollgate',
      'Your password for Tollgate was changed',
    ]);
    const [person] = await s.sql('SELECT email_confirmed_at FROM keys.person WHERE id = $1', [id]);
    expect(person!['email_confirmed_at']).not.toBeNull();
  });

  it('is asked for alike whether there is such an account or not, before anything is looked up', async () => {
    const { email } = await s.person();
    const before = s.stage.mails.length;
    const replies = [await ask(email), await ask('nobody@example.org'), await ask('nobody@localhost')];
    for (const { status, body, headers } of replies) {
      expect([status, body]).toEqual([202, asked]);
      expect(headers['set-cookie']).toBeUndefined();
    }
    await s.relayed();
    expect(s.stage.mails.slice(before).map(({ to }) => to)).toEqual([[email]]);
  });

  it('goes to the stored address, and its link to the configured origin, whatever the request says', async () => {
    const { email } = await s.person();
    await ask(email, {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example;proto=https',
    });
    await s.relayed();
    const [mail] = s.mailsTo(email);
    expect(mail!.text).toMatch(new RegExp(`\\n${ORIGIN}/password-reset#token=[\\w-]{43}\\n`));
    expect(mail!.text).not.toContain('evil');
    // A look-alike is nobody's address, and is refused before that is asked.
    const lookAlike = await ask(`${email.slice(0, -11)}\u0131@example.org`);
    expect([lookAlike.status, lookAlike.body.errors[0].path]).toEqual([400, 'email']);
  });

  it('lies in the database neither as an address nor as a token that could be used', async () => {
    const { email } = await s.person();
    const dump = async (): Promise<string> =>
      JSON.stringify(await s.sql(`SELECT * FROM keys.outbox`)) +
      JSON.stringify(await s.sql(`SELECT * FROM keys.one_time_token`));
    await ask(email);
    expect(await dump()).not.toContain(email);
    const token = await s.mailedToken(email, 'new password');
    expect(await dump()).not.toContain(token);
  });

  it('is mailed to one address five times an hour at most, and asked for from one address ten times at once', async () => {
    const { email } = await s.person();
    for (let n = 0; n < 8; n += 1) expect((await ask(email)).status).toBe(202);
    await s.relayed();
    expect(s.mailsTo(email).length).toBe(5);
    const from = newAddress();
    const statuses = [];
    for (let n = 0; n < 12; n += 1) statuses.push((await ask(`x${n}@example.org`, {}, from)).status);
    expect(statuses).toEqual([...Array<number>(10).fill(202), 429, 429]);
  });

  it.each([
    ['11 characters', 'x'.repeat(11)],
    ['257 characters', 'x'.repeat(257)],
    ['nothing', ''],
  ])('has to have from 12 to 256 characters; with %s the link stays good', async (_what, password) => {
    const { id } = await s.person();
    const token = await issue('password_reset', id);
    const hash = vi.spyOn(Passwords.prototype, 'hash');
    const refused = await finish(token, password);
    expect([refused.status, refused.body.errors[0].path]).toEqual([400, 'password']);
    expect(hash).not.toHaveBeenCalled();
    hash.mockRestore();
    expect((await finish(token)).status).toBe(200);
  });

  it('is not set by a sign-in that was checked with the old one meanwhile', async () => {
    const { email, id } = await s.person();
    const token = await issue('password_reset', id);
    const { checkFound } = Passwords.prototype;
    const spy = vi.spyOn(Passwords.prototype, 'checkFound').mockImplementationOnce(async function (
      this: Passwords,
      ...given
    ) {
      const outcome = await checkFound.apply(this, given);
      expect((await finish(token)).status).toBe(200);
      return outcome as never;
    });
    const late = await s.send('POST', '/v1/sessions', { body: { email, password: PASSWORD } });
    expect([late.status, late.body.code]).toEqual([401, 'sign_in_failed']);
    spy.mockRestore();
    expect((await s.sql('SELECT id FROM keys.session WHERE person_id = $1', [id])).length).toBe(0);
  });
});

describe('a link', () => {
  const uses: [TokenPurpose, (token: string) => Promise<Answer>, number][] = [
    ['password_reset', (token) => finish(token), 200],
    ['email_confirmation', confirm, 200],
    ['sign_in_link', (token) => useLink(token), 201],
  ];

  it.each(uses)('for %s is good for nothing else, and once', async (purpose, use, status) => {
    const { id } = await s.person();
    const token = await issue(purpose, id);
    for (const [other, useOther] of uses) {
      if (other === purpose) continue;
      expect(await useOther(token)).toMatchObject({ status: 400, body: { code: 'invalid_link' } });
    }
    expect((await use(token)).status).toBe(status);
    expect(await use(token)).toMatchObject({ status: 400, body: { code: 'invalid_link' } });
  });

  it.each(uses)('for %s is used by one of two requests at once', async (purpose, use, status) => {
    const { id } = await s.person();
    const token = await issue(purpose, id);
    const statuses = (await Promise.all([use(token), use(token), use(token)])).map((reply) => reply.status);
    expect(statuses.sort()).toEqual([status, 400, 400].sort());
  });

  it.each(uses)('for %s ends with its time', async (purpose, use) => {
    const { id } = await s.person();
    const late = await issue(purpose, id, new Date(Date.now() - 25 * HOUR));
    expect(await use(late)).toMatchObject({ status: 400, body: { code: 'invalid_link' } });
  });

  it.each([
    ['of another installation', newToken()],
    ['that is cut', newToken().slice(1)],
    ['with a space', `${newToken()} `],
    ['of a session', 'A'.repeat(43)],
    ['with a null', 'A\u0000'],
  ])('with a token %s is refused like one that was used', async (_what, token) => {
    const { id } = await s.person();
    const usedUp = await issue('password_reset', id);
    await finish(usedUp);
    const [refused, known] = [await finish(token), await finish(usedUp)];
    expect(refused.status).toBe(400);
    if (!token.includes('\u0000')) expect({ ...refused.body, request_id: 0 }).toEqual({ ...known.body, request_id: 0 });
  });

  it('costs a hash only where its token is good, and guessing is limited by address', async () => {
    const hash = vi.spyOn(Passwords.prototype, 'hash');
    const from = newAddress();
    let reply = await finish(newToken(), NEW_PASSWORD, from);
    let n = 1;
    for (; reply.status === 400 && n < 400; n += 1) reply = await finish(newToken(), NEW_PASSWORD, from);
    expect([reply.status, reply.body.code]).toEqual([429, 'rate_limit_exceeded']);
    expect(n).toBeGreaterThan(300);
    expect(hash).not.toHaveBeenCalled();
    hash.mockRestore();
  });

  it('is not asked for, nor used, by a page of another site', async () => {
    const { email, id } = await s.person();
    const headers = { origin: 'https://evil.example' };
    expect((await ask(email, headers)).status).toBe(403);
    const token = await issue('sign_in_link', id);
    const used = await s.send('POST', '/v1/sign-in-links/use', { body: { token }, headers });
    expect([used.status, used.setCookie]).toEqual([403, undefined]);
    expect((await useLink(token)).status).toBe(201);
  });
});

describe('a confirmation of an address', () => {
  it('is asked for by a session, sent to the stored address, and noted once', async () => {
    const { email, id } = await s.person();
    const as = await s.signIn(email);
    const send = () => s.send('POST', '/v1/email-confirmations', { as });
    expect(await send()).toMatchObject({ status: 202, body: { object: 'email_confirmation', state: 'sent' } });
    const token = await s.mailedToken(email, 'Confirm');
    expect(await confirm(token)).toMatchObject({ status: 200, body: { state: 'confirmed' } });
    expect(await send()).toMatchObject({ status: 202, body: { state: 'confirmed' } });
    await s.relayed();
    expect(s.mailsTo(email).length).toBe(1);
    const [row] = await s.sql('SELECT email_confirmed_at FROM keys.person WHERE id = $1', [id]);
    expect(row!['email_confirmed_at']).not.toBeNull();
    expect((await s.send('GET', '/v1/sessions', { as })).status).toBe(200);
  });

  it('is sent five times an hour at most, and to nobody without a session', async () => {
    const as = await s.signIn((await s.person()).email);
    const statuses = [];
    for (let n = 0; n < 6; n += 1) statuses.push((await s.send('POST', '/v1/email-confirmations', { as })).status);
    expect(statuses).toEqual([202, 202, 202, 202, 202, 429]);
    expect((await s.send('POST', '/v1/email-confirmations')).status).toBe(401);
  });
});

describe('a sign-in link', () => {
  it('begins a session, and leaves password and other sessions as they are', async () => {
    const { email, id } = await s.person();
    const before = await s.signIn(email);
    const reply = await useLink(await issue('sign_in_link', id));
    expect(reply).toMatchObject({
      status: 201,
      body: { method: 'sign_in_link', person: { email, has_password: true } },
    });
    const as = { token: reply.token!, csrf: reply.body.csrf_token as string };
    expect((await s.send('GET', '/v1/sessions', { as })).body.data.length).toBe(2);
    expect((await s.send('GET', '/v1/sessions', { as: before })).status).toBe(200);
    await s.signIn(email);
  });

  it('sets a password, and then other sessions and links end', async () => {
    const { email, id } = await s.person({ password: null });
    const token = await issue('sign_in_link', id);
    const other = await issue('sign_in_link', id);
    const reply = await useLink(token, NEW_PASSWORD);
    expect(reply).toMatchObject({ status: 201, body: { person: { has_password: true } } });
    const as = { token: reply.token!, csrf: reply.body.csrf_token as string };
    expect((await s.send('GET', '/v1/sessions', { as })).body.data.length).toBe(1);
    expect((await useLink(other)).status).toBe(400);
    await s.signIn(email, NEW_PASSWORD);
  });
});
