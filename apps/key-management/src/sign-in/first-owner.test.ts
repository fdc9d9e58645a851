import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FirstOwner } from './first-owner.js';
import { startSignInStage, type SignInStage } from './sign-in-stage.js';

const EMAIL = 'owner@localhost';
const PASSWORD = 'a password of the settings';

let s: SignInStage;
afterEach(() => s?.stop(), 30_000);
const firstOwner = (): FirstOwner => s.stage.app.get(FirstOwner);
const owners = async (): Promise<unknown[]> =>
  (
    await s.sql(`SELECT email FROM keys.member WHERE organization_id = 'default' AND role = 'owner' ORDER BY email`)
  ).map(({ email }) => email);

describe('the first owner, with a password in the settings', () => {
  beforeEach(async () => void (s = await startSignInStage({ initOwnerPassword: PASSWORD })), 60_000);

  it('is made at the start, signs in with it, and may set another one, which no later start changes', async () => {
    expect(await owners()).toEqual([EMAIL]);
    expect(await firstOwner().ensure()).toEqual({ kind: 'waits', email: EMAIL, hasPassword: true });
    const reply = await s.send('POST', '/v1/sessions', { body: { email: EMAIL, password: PASSWORD } });
    expect(reply.body.organizations).toMatchObject([{ id: 'default', role: 'owner' }]);
    expect(await firstOwner().ensure()).toEqual({ kind: 'signed_in' });
    await s.send('POST', '/v1/password-resets', { body: { email: EMAIL } });
    const token = await s.mailedToken(EMAIL, 'new password');
    const password = 'a password of their own';
    expect((await s.send('POST', '/v1/password-resets/finish', { body: { token, password } })).status).toBe(200);
    await firstOwner().ensure();
    expect((await s.send('POST', '/v1/sessions', { body: { email: EMAIL, password: PASSWORD } })).status).toBe(401);
    await s.signIn(EMAIL, password);
  });

  it('is not made an owner again who was removed once owners had signed in', async () => {
    await s.signIn(EMAIL, PASSWORD);
    const { email, id } = await s.person();
    await s.sql(
      `INSERT INTO keys.member (organization_id, person_id, email, role) VALUES ('default', $1, $2, 'owner')`,
      [id, email],
    );
    await s.signIn(email);
    await s.sql(`DELETE FROM keys.member WHERE organization_id = 'default' AND email = $1`, [EMAIL]);
    expect(await firstOwner().ensure()).toEqual({ kind: 'signed_in' });
    expect(await owners()).toEqual([email]);
  });
});

describe('the first owner, without a password in the settings', () => {
  beforeEach(async () => void (s = await startSignInStage()), 60_000);

  it('signs in by the newest link, once', async () => {
    expect(await firstOwner().ensure()).toEqual({ kind: 'waits', email: EMAIL, hasPassword: false });
    const [older, newer] = [await firstOwner().newSignInToken(), await firstOwner().newSignInToken()];
    const use = (token: string) => s.send('POST', '/v1/sign-in-links/use', { body: { token, password: PASSWORD } });
    expect((await use(older)).status).toBe(400);
    const reply = await use(newer);
    expect(reply.body).toMatchObject({ organization_id: 'default', organizations: [{ id: 'default', role: 'owner' }] });
    expect((await use(newer)).status).toBe(400);
    expect(await firstOwner().ensure()).toEqual({ kind: 'signed_in' });
    await s.signIn(EMAIL, PASSWORD);
    const entries = await s.sql(`SELECT action FROM keys.audit_entry WHERE organization_id = 'default' ORDER BY seq`);
    expect(entries.map(({ action }) => action)).toEqual([
      'member.created',
      'sign_in_link.created',
      'sign_in_link.created',
      'session.created',
      'person.password_set',
      'session.created',
    ]);
  });
});
