import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { waitUntil } from '@tollgate/infra';
import { Browser } from '../kit/browser.js';
import type { Reply } from '../kit/chat-reply.js';
import { mailsIn } from '../kit/mailbox.js';
import type { Shape } from '../kit/shape.js';

/** People: how they get in, what they may, and what is left of them. */
export function thePeople(shape: () => Shape): void {
  describe('people', () => {
    const newBrowser = (): Browser => new Browser(shape().client(), shape().canaries.keySecrets);
    const ownerSignIn = () => ({ email: shape().ownerEmail, password: shape().ownerPassword });
    let owner: Browser;
    beforeAll(async () => {
      owner = newBrowser();
      await owner.open('/v1/sessions', ownerSignIn());
    });

    /** The token of the newest mail to an address that has a link of a kind. */
    const tokenOf = async (address: string, page: string): Promise<string> => {
      const link = new RegExp(`${shape().gateways[0]!.url}${page}#token=([A-Za-z0-9_.-]+)`);
      const found = () =>
        mailsIn(shape().mailFolder)
          .filter((mail) => mail.includes(address))
          .flatMap((mail) => link.exec(mail)?.[1] ?? [])
          .at(-1);
      await waitUntil(() => found() !== undefined, { what: `a mail to ${address}` });
      return found()!;
    };
    /** Invites an address and lets it join with a password. */
    const joined = async (role: string): Promise<{ browser: Browser; email: string; password: string }> => {
      const [email, password] = [`${randomUUID()}@example.com`, `a password of ${randomUUID()}`];
      const invited = await owner.send('POST', '/v1/invitations', { email, role });
      expect([invited.status, invited.json()]).toMatchObject([201, { object: 'invitation', email, role }]);
      const browser = newBrowser();
      const token = await tokenOf(email, '/invitation');
      await browser.open('/v1/invitations/accept', { token, name: 'Ada', password });
      shape().canaries.deploymentSecrets.add(password);
      return { browser, email, password };
    };
    const outcome = ({ status, code }: Reply) => [status, code];

    it('sign in by password, and are known at every service', async () => {
      const browser = newBrowser();
      const signedIn = await browser.open('/v1/sessions', ownerSignIn());
      const cookie = String(signedIn.headers['set-cookie']);
      expect(cookie).toMatch(/^tollgate_session=[A-Za-z0-9_-]{43}; /);
      expect(cookie).toMatch(/HttpOnly/i);
      expect(cookie).toMatch(/SameSite=Lax/i);
      const me = await browser.send('GET', '/v1/me');
      expect([me.status, me.json()]).toMatchObject([200, { organization_id: 'default', role: 'owner' }]);
      expect((await browser.send('GET', '/v1/usage')).status).toBe(200);
      expect((await browser.send('GET', '/v1/api-keys')).status).toBe(200);
      expect((await browser.send('DELETE', '/v1/sessions/current')).status).toBe(200);
      expect(outcome(await browser.send('GET', '/v1/me'))).toEqual([401, 'missing_credential']);
    });

    it.each([
      ['an unknown address', { email: 'nobody@example.com', password: 'a password that is long enough' }],
      ['a wrong password', { email: '', password: 'a password that is long enough' }],
    ])('do not sign in with %s, and are not told which it was', async (_what, given) => {
      const reply = await newBrowser().send('POST', '/v1/sessions', {
        ...given,
        email: given.email === '' ? shape().ownerEmail : given.email,
      });
      expect(outcome(reply)).toEqual([401, 'sign_in_failed']);
      expect(reply.headers['set-cookie']).toBeUndefined();
    });

    it.each([
      ['without the token of its pages', { 'x-csrf-token': 'wrong' }],
      ['from a page elsewhere', { origin: 'https://evil.example' }],
      ['from a page without an origin', { origin: 'null' }],
    ])('change nothing %s', async (_what, headers) => {
      const name = `from elsewhere ${randomUUID()}`;
      expect((await owner.send('POST', '/v1/projects', { name }, headers)).status).toBe(403);
      expect((await owner.send('GET', '/v1/projects?limit=100')).text).not.toContain(name);
    });

    it('are invited by mail, and may what their role may', async () => {
      const { browser: member } = await joined('member');
      expect((await member.send('GET', '/v1/me')).json()).toMatchObject({ role: 'member' });
      const made = await member.send('POST', '/v1/api-keys', { name: 'made by a member' });
      expect([made.status, made.json()]).toMatchObject([201, { created_by: { type: 'person', name: 'Ada' } }]);
      shape().canaries.keySecrets.add(made.json<{ secret: string }>().secret);
      expect(outcome(await member.send('POST', '/v1/api-keys', { name: 'k', scopes: ['admin'] }))).toEqual([
        403,
        'access_denied',
      ]);
      for (const [method, path, body] of [
        ['POST', '/v1/invitations', { email: 'x@example.com', role: 'viewer' }],
        ['POST', '/v1/organizations', { name: 'x' }],
        ['GET', '/v1/audit-logs', undefined],
        ['PATCH', '/v1/organizations/default', { name: 'x' }],
      ] as const)
        expect(outcome(await member.send(method, path, body)), path).toEqual([403, 'access_denied']);
    });

    it('of one organisation see nothing of another', async () => {
      const elsewhere = await shape().client().admin('POST', '/v1/organizations', { name: 'Elsewhere' });
      const { id } = elsewhere.json<{ id: string }>();
      const at = { 'x-organization-id': id };
      const { browser: stranger } = await joined('admin');
      for (const path of ['/v1/api-keys', '/v1/usage', '/v1/members', '/v1/projects'])
        expect(outcome(await stranger.send('GET', path, undefined, at)), path).toEqual([404, 'organization_not_found']);
      expect(outcome(await stranger.send('GET', `/v1/organizations/${id}`))).toEqual([404, 'organization_not_found']);
    });

    it('are gone at once when they are removed, and what they made can be seen', async () => {
      const { browser: admin, email } = await joined('admin');
      const key = (await admin.send('POST', '/v1/api-keys', { name: 'a way in', scopes: ['admin'] })).json<{
        id: string;
        secret: string;
      }>();
      shape().canaries.keySecrets.add(key.secret);
      const members = (await owner.send('GET', '/v1/members?limit=100')).json<{
        data: { id: string; email: string }[];
      }>();
      const { id } = members.data.find((member) => member.email === email)!;
      const removed = await owner.send('DELETE', `/v1/members/${id}`);
      expect([removed.status, removed.text]).toEqual([200, expect.stringContaining(key.id)]);
      expect((await admin.send('GET', '/v1/api-keys')).status).toBeGreaterThanOrEqual(400);
      expect((await owner.send('POST', `/v1/api-keys/${key.id}/revoke`)).status).toBe(200);
    });

    it('cannot leave an organisation without an owner', async () => {
      const members = (await owner.send('GET', '/v1/members?limit=100')).json<{
        data: { id: string; role: string }[];
      }>();
      const owners = members.data.filter(({ role }) => role === 'owner');
      expect(owners).toHaveLength(1);
      expect(outcome(await owner.send('DELETE', `/v1/members/${owners[0]!.id}`))).toEqual([409, 'last_owner']);
    });

    it('set a new password by mail, which ends their sessions', async () => {
      const { browser: before, email } = await joined('viewer');
      expect((await newBrowser().send('POST', '/v1/password-resets', { email })).status).toBe(202);
      const token = await tokenOf(email, '/password-reset');
      const password = `another password of ${randomUUID()}`;
      shape().canaries.deploymentSecrets.add(password);
      const finish = () => newBrowser().send('POST', '/v1/password-resets/finish', { token, password });
      expect((await finish()).status).toBeLessThan(300);
      expect((await finish()).status).toBeGreaterThanOrEqual(400);
      expect((await before.send('GET', '/v1/me')).status).toBe(401);
      await newBrowser().open('/v1/sessions', { email, password });
    });

    it('repeat a request that creates something without doing it twice', async () => {
      const body = { name: `once ${randomUUID()}` };
      const headers = { 'idempotency-key': randomUUID() };
      const replies = await Promise.all([1, 2, 3].map(() => owner.send('POST', '/v1/projects', body, headers)));
      expect(replies.map(({ status }) => status)).toEqual([201, 201, 201]);
      expect(new Set(replies.map((reply) => reply.json<{ id: string }>().id)).size).toBe(1);
      expect((await owner.send('POST', '/v1/projects', { name: 'other' }, headers)).status).toBe(422);
    });

    it('leave a trail that can be read and verified', async () => {
      const trail = await owner.send('GET', '/v1/audit-logs?limit=100');
      expect(trail.status).toBe(200);
      const actions = new Set(trail.json<{ data: { action: string }[] }>().data.map(({ action }) => action));
      for (const action of ['session.created', 'invitation.created', 'member.removed', 'api_key.created'])
        expect(actions, action).toContain(action);
      const verified = await owner.send('GET', '/v1/audit-logs/verification');
      expect([verified.status, verified.json()]).toMatchObject([200, { valid: true }]);
      const lines = (await owner.send('GET', '/v1/audit-logs/export')).text.trim().split('\n');
      expect(lines.length).toBeGreaterThan(10);
      for (const line of lines) JSON.parse(line);
    });

    it('find pages of our own origin that load nothing from elsewhere', async () => {
      const { url } = shape().gateways[0]!;
      for (const page of [
        '/sign-in',
        '/invitation',
        '/password-reset',
        '/email-confirmation',
        '/docs/api',
        '/docs/errors/last_owner',
      ]) {
        const reply = await fetch(url + page);
        expect([page, reply.status, reply.headers.get('content-type')]).toEqual([
          page,
          200,
          'text/html; charset=utf-8',
        ]);
        expect(reply.headers.get('content-security-policy')).toMatch(/default-src 'none'|default-src 'self'/);
        expect(await reply.text()).not.toMatch(/(?:src|href)="https?:\/\//);
      }
    });
  });
}
