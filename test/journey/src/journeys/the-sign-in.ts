import { randomBytes } from 'node:crypto';
import { waitUntil } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import type { Reply } from '../kit/chat-reply.js';
import { mailsIn } from '../kit/mailbox.js';
import type { Shape } from '../kit/shape.js';

const PAGES = ['sign-in', 'invitation', 'password-reset', 'email-confirmation', 'sign-in-link'];

/** People who sign in, through the public port: by a new password that was mailed, with a cookie, on plain pages. */
export function theSignIn(shape: () => Shape): void {
  describe('signing in', () => {
    const call = (method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Reply> =>
      shape()
        .client()
        .call({ method, path, headers, ...(body !== undefined && { body }) });
    const linksIn = (): string[] =>
      mailsIn(shape().mailFolder)
        .filter((mail) => mail.includes(`To: ${shape().ownerEmail}`))
        .flatMap((mail) => /\S+\/password-reset#token=[\w-]+/.exec(mail)?.[0] ?? []);

    it('find their pages on the public origin, with a strict policy', async () => {
      for (const page of PAGES) {
        const { status, text, headers } = await call('GET', `/${page}`);
        expect(status, page).toBe(200);
        expect(headers['content-type']).toBe('text/html; charset=utf-8');
        expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
        expect(text).toContain('src="/account-pages/account.js"');
      }
      expect((await call('GET', '/account-pages/account.js')).headers['content-type']).toContain('text/javascript');
    });

    it('set a password by a link to the configured origin, whatever Host the request names, and sign in and out', async () => {
      const email = shape().ownerEmail;
      const before = linksIn().length;
      const asked = await call('POST', '/v1/password-resets', { email }, { 'x-forwarded-host': 'evil.example' });
      expect(asked.status, asked.text).toBe(202);
      const links = await waitUntil(() => (linksIn().length > before ? linksIn() : null), {
        what: 'a mail with a link',
      });
      const link = links.at(-1)!;
      expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/password-reset#/);
      const token = link.split('#token=')[1]!;
      const password = randomBytes(16).toString('hex');
      shape().canaries.keySecrets.add(password);
      const set = () => call('POST', '/v1/password-resets/finish', { token, password });
      expect((await set()).status).toBe(200);
      expect((await set()).json<{ code: string }>().code).toBe('invalid_link');

      const wrong = await call('POST', '/v1/sessions', { email, password: 'not the password' });
      expect([wrong.status, wrong.json<{ code: string }>().code]).toEqual([401, 'sign_in_failed']);
      const signedIn = await call('POST', '/v1/sessions', { email, password });
      expect(signedIn.status, signedIn.text).toBe(201);
      const cookie = [signedIn.headers['set-cookie'] ?? []].flat()[0]!.split(';')[0]!;
      shape().canaries.keySecrets.add(cookie.split('=')[1]!);
      const me = await call('GET', '/v1/me', undefined, { cookie });
      expect(me.json()).toMatchObject({ role: 'owner' });
      const signOut = (headers: Record<string, string>) =>
        call('DELETE', '/v1/sessions/current', undefined, { cookie, ...headers });
      const csrf = { 'x-csrf-token': signedIn.json<{ csrf_token: string }>().csrf_token };
      expect((await signOut({ ...csrf, origin: 'https://evil.example' })).status).toBe(403);
      expect((await signOut({ ...csrf, origin: link.slice(0, link.indexOf('/password-reset')) })).status).toBe(200);
      expect((await call('GET', '/v1/me', undefined, { cookie })).status).toBe(401);
    });
  });
}
