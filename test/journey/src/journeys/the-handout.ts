import { createHash, randomBytes } from 'node:crypto';
import { OpenRouter } from '@openrouter/sdk';
import { Langfuse } from 'langfuse';
import type { Browser as Chromium, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../kit/browser.js';
import type { Reply } from '../kit/chat-reply.js';
import { accessibilityFaults, startChromium, startForeignApp, type ForeignApp } from '../kit/chromium.js';
import { plainForm, refreshOf } from '../kit/plain-form.js';
import type { RequestHeaders } from '../kit/tollgate-client.js';
import type { Shape } from '../kit/shape.js';

/** What an app remembers of a person that it has sent to `/auth`. */
interface Pkce {
  readonly verifier: string;
  readonly challenge: string;
}

function newPkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

interface KeyData {
  readonly hash: string;
  readonly name: string;
  readonly usage: number;
  readonly limit: number | null;
  readonly limit_remaining: number | null;
  readonly limit_reset: string | null;
  readonly disabled: boolean;
}

/** Keys that people hand out to apps, and the paths of other products by which clients know keys and projects. */
export function theHandout(shape: () => Shape): void {
  const call = (method: string, path: string, headers: RequestHeaders = {}, body?: unknown): Promise<Reply> =>
    shape()
      .client()
      .call({ method, path, headers, ...(body !== undefined && { body }) });
  const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
  const CALLBACK = 'https://app.example/cb?state=a%20b';
  const authPath = ({ challenge }: Pkce, callback = CALLBACK, more: Record<string, string> = {}): string =>
    `/auth?${new URLSearchParams({ callback_url: callback, code_challenge: challenge, code_challenge_method: 'S256', ...more })}`;
  const exchange = (code: string | null, verifier?: string, headers: RequestHeaders = {}): Promise<Reply> =>
    call('POST', '/api/v1/auth/keys', headers, { code, ...(verifier !== undefined && { code_verifier: verifier }) });

  describe('the hand-out of keys', () => {
    let person: Browser;
    beforeAll(async () => {
      person = new Browser(shape().client(), shape().canaries.keySecrets);
      await person.open('/v1/sessions', { email: shape().ownerEmail, password: shape().ownerPassword });
    });

    const answer = async (page: Reply, fields: Record<string, string>): Promise<Reply> => {
      const form = plainForm(page.text, '/auth');
      shape().canaries.keySecrets.add(form['csrf_token']!);
      return person.send('POST', '/auth', new URLSearchParams({ ...form, ...fields }).toString(), {
        'content-type': 'application/x-www-form-urlencoded',
      });
    };
    const agreed = async (pkce: Pkce, fields: Record<string, string> = {}): Promise<string> => {
      const page = await person.send('GET', authPath(pkce));
      expect(page.status, page.text).toBe(200);
      const reply = await answer(page, { decision: 'agree', ...fields });
      expect(reply.status, reply.text).toBe(200);
      const code = refreshOf(reply.text)?.searchParams.get('code') ?? '';
      shape().canaries.keySecrets.add(code);
      return code;
    };

    it('gives an app a key with what its person allows, by plain forms, and the key works at the gateway', async () => {
      const pkce = newPkce();
      const code = await agreed(pkce, {
        name: 'handed out',
        credit_limit_usd: '2.5',
        credit_reset: 'daily',
        models: 'support-bot',
        expires_in_days: '7',
      });
      const reply = await exchange(code, pkce.verifier);
      expect(reply.status, reply.text).toBe(200);
      const { key, user_id: userId } = reply.json<{ key: string; user_id: string }>();
      shape().canaries.keySecrets.add(key);
      expect((await shape().client().chat(key, { model: 'support-bot' })).status).toBe(200);
      const other = await shape().client().chat(key, { model: 'lab-1' });
      expect([other.status, other.code]).toEqual([403, 'model_access_denied']);
      const me = await person.send('GET', '/v1/me');
      expect(me.json<{ person: { id: string } }>().person.id).toBe(userId);
      const own = (await call('GET', '/api/v1/key', bearer(key))).json<{ data: KeyData }>().data;
      expect(own).toMatchObject({
        limit: 2.5,
        limit_reset: 'daily',
        creator_user_id: userId,
        is_management_key: false,
      });
      // The official SDK of OpenAI, at the base URL of OpenRouter's clients.
      const models = shape().client().openai(key, '/api/v1');
      const chat = await models.chat.completions.create({
        model: 'support-bot',
        messages: [{ role: 'user', content: 'hello' }],
      });
      expect(chat.choices[0]?.message.role).toBe('assistant');
      const again = await exchange(code, pkce.verifier);
      expect([again.status, again.json()]).toMatchObject([403, { error: { code: 403, message: expect.any(String) } }]);
    });

    it('takes a code once, from fifty who redeem it at once', async () => {
      const pkce = newPkce();
      const code = await agreed(pkce);
      const replies = await Promise.all(Array.from({ length: 50 }, () => exchange(code, pkce.verifier)));
      for (const reply of replies)
        if (reply.status === 200) shape().canaries.keySecrets.add(reply.json<{ key: string }>().key);
      expect(replies.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(49).fill(403)]);
    });

    it('answers pages of every origin, errors and preflights too, and ignores credentials', async () => {
      const foreign = { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' };
      const preflight = await call('OPTIONS', '/api/v1/auth/keys', {
        ...foreign,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'authorization,content-type',
      });
      const pkce = newPkce();
      const code = await agreed(pkce);
      const wrong = [
        await exchange(code, newPkce().verifier, foreign),
        await exchange(null, undefined, foreign),
        await call('POST', '/api/v1/auth/keys', { ...foreign, 'content-type': 'text/plain' }, 'code=a'),
        await call('GET', '/api/v1/auth/keys', foreign),
        await call('POST', '/api/v1/auth/keys', { ...foreign, 'content-type': 'application/json' }, '{'),
      ];
      expect(wrong.map(({ status }) => status)).toEqual([403, 400, 415, 405, 400]);
      const right = await exchange(code, pkce.verifier, { ...foreign, authorization: 'Bearer ' });
      expect(right.status, right.text).toBe(200);
      shape().canaries.keySecrets.add(right.json<{ key: string }>().key);
      for (const { headers } of [...wrong, right]) {
        expect(headers['access-control-allow-origin']).toBe('*');
        expect(headers['access-control-allow-credentials']).toBeUndefined();
      }
      for (const reply of wrong)
        expect(reply.json()).toMatchObject({ error: { code: reply.status, message: expect.any(String) as string } });
    });

    it('refuses what an app must not ask for, without a person', async () => {
      const pkce = newPkce();
      for (const path of [
        authPath(pkce, 'http://localhost:80@evil.example/cb'),
        authPath(pkce, 'https://ok.example\\@evil.example'),
        authPath(pkce, 'http://localhost.evil.example/'),
        authPath(pkce, 'javascript:alert(1)'),
        authPath(pkce, 'https://app.example/#a'),
        authPath({ ...pkce, challenge: 'short' }),
        `/auth?${new URLSearchParams({ callback_url: CALLBACK })}`,
      ]) {
        const reply = await call('GET', path);
        expect([reply.status, reply.headers['location']], path).toEqual([400, undefined]);
      }
      const bare = await call('GET', authPath(pkce));
      expect([bare.status, String(bare.headers['location'])]).toEqual([
        303,
        expect.stringMatching(/^\/sign-in\?return_to=%2Fauth%3F/) as string,
      ]);
    });

    it('goes back with an error where the person declines, and takes the form of nobody else', async () => {
      const page = await person.send('GET', authPath(newPkce()));
      const declined = await answer(page, { decision: 'decline' });
      expect(refreshOf(declined.text)?.href).toBe(`${CALLBACK}&error=access_denied`);
      const form = new URLSearchParams({ ...plainForm(page.text, '/auth'), decision: 'agree' }).toString();
      const type = { 'content-type': 'application/x-www-form-urlencoded' };
      const foreign = await person.send('POST', '/auth', form, { ...type, origin: 'https://evil.example' });
      expect([foreign.status, foreign.code]).toEqual([403, 'foreign_origin']);
      const other = new Browser(shape().client(), shape().canaries.keySecrets);
      await other.open('/v1/sessions', { email: shape().ownerEmail, password: shape().ownerPassword });
      const stolen = await other.send('POST', '/auth', form, type);
      expect([stolen.status, stolen.code]).toEqual([403, 'invalid_csrf_token']);
    });
  });

  describe('the hand-out of keys, in Chromium', () => {
    let chromium: Chromium;
    let app: ForeignApp;
    beforeAll(async () => {
      app = await startForeignApp('<!doctype html><html lang="en"><title>An app</title><h1>Back</h1></html>');
      chromium = await startChromium();
    }, 400_000);
    afterAll(async () => {
      await chromium?.close();
      app?.stop();
    });

    const signIn = async (page: Page): Promise<void> => {
      await page.getByLabel('E-mail address').fill(shape().ownerEmail);
      await page.getByLabel('Password').fill(shape().ownerPassword);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    };

    it('leads through signing in and back, and the callback is really reached under the policy of the page', async () => {
      const origin = shape().gateways[0]!.url;
      const context = await chromium.newContext({ viewport: { width: 360, height: 740 } });
      const page = await context.newPage();
      const reports: string[] = [];
      page.on('console', (message) => void (message.type() === 'error' && reports.push(message.text())));
      const pkce = newPkce();
      await page.goto(origin + authPath(pkce, `${app.url}/cb?state=a%20b`, { key_label: 'a long label '.repeat(7) }));
      await signIn(page);
      await page.getByRole('heading', { name: 'A key for an app' }).waitFor();
      expect(await page.locator('main').textContent()).toContain(app.url);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await accessibilityFaults(page)).toEqual([]);
      }
      const width = await page.evaluate<number>('document.documentElement.scrollWidth');
      expect(width).toBeLessThanOrEqual(360);
      for (const { value } of await context.cookies()) shape().canaries.keySecrets.add(value);

      // From here on without scripts: with the session of the page before.
      const plain = await chromium.newContext({ javaScriptEnabled: false, storageState: await context.storageState() });
      const form = await plain.newPage();
      form.on('console', (message) => void (message.type() === 'error' && reports.push(message.text())));
      await form.goto(page.url());
      await form.getByLabel('Credit limit in USD').fill('1');
      await form.getByRole('button', { name: 'Agree, and go back' }).click();
      await form.waitForURL(`${app.url}/cb?**`);
      const reached = new URL(form.url());
      expect(reached.search).toMatch(/^\?state=a%20b&code=[\w-]{43}$/);
      expect(app.reached.at(-1)).toMatchObject({ referer: undefined });
      const code = reached.searchParams.get('code')!;
      shape().canaries.keySecrets.add(code);
      expect(reports).toEqual([]);

      // The app exchanges the code from its page, which is of another origin.
      const exchanged = await page.context().newPage();
      await exchanged.goto(app.url);
      const key = await exchanged.evaluate(
        async ([url, body]) => {
          const reply = await fetch(url!, {
            method: 'POST',
            headers: { 'content-type': 'application/json', authorization: 'Bearer ' },
            body: body!,
          });
          return ((await reply.json()) as { key?: string }).key ?? '';
        },
        [`${origin}/api/v1/auth/keys`, JSON.stringify({ code, code_verifier: pkce.verifier })],
      );
      expect(key).toMatch(/^sk-/);
      shape().canaries.keySecrets.add(key);
      expect((await shape().client().chat(key, { model: 'support-bot' })).status).toBe(200);

      await form.goto(page.url());
      await form.getByRole('button', { name: 'Decline' }).click();
      await form.waitForURL(`${app.url}/cb?**error=access_denied`);
      await plain.close();
      await context.close();
    }, 300_000);
  });

  describe('the paths of other products', () => {
    it('manage keys as at OpenRouter, and each gateway heeds it', async () => {
      const manager = await shape()
        .client()
        .createKey({ name: 'a manager', scopes: ['admin'] });
      const path = '/api/v1/keys';
      const made = await call('POST', path, bearer(manager.secret), { name: 'made there', limit: 5 });
      expect(made.status, made.text).toBe(201);
      const { data, key } = made.json<{ data: KeyData; key: string }>();
      shape().canaries.keySecrets.add(key);
      expect(data).toMatchObject({ name: 'made there', limit: 5, limit_remaining: 5, usage: 0, disabled: false });
      expect((await shape().client().chat(key, { model: 'support-bot' })).status).toBe(200);
      const off = await call('PATCH', `${path}/${data.hash}`, bearer(manager.secret), { disabled: true });
      expect(off.json()).toMatchObject({ data: { disabled: true } });
      expect((await shape().client().chat(key, { model: 'support-bot' })).status).toBe(401);
      await call('PATCH', `${path}/${data.hash}`, bearer(manager.secret), { disabled: false, limit: 0 });
      expect((await shape().client().chat(key, { model: 'support-bot' })).status).toBe(402);
      const listed = await call('GET', `${path}?offset=0&include_disabled=true`, bearer(manager.secret));
      expect(listed.json<{ data: KeyData[] }>().data.map(({ hash }) => hash)).toContain(data.hash);
      const ended = await call('DELETE', `${path}/${data.hash}`, bearer(manager.secret));
      expect([ended.status, ended.json()]).toEqual([200, { deleted: true }]);
      expect((await shape().client().chat(key, { model: 'support-bot' })).status).toBe(401);
      for (const [method, at, headers, status] of [
        ['GET', path, bearer(key), 401],
        ['GET', path, {}, 401],
        ['GET', '/api/v1/key', {}, 401],
        ['GET', `${path}/${data.hash}`, bearer(manager.secret), 404],
        ['PUT', path, bearer(manager.secret), 405],
        ['GET', '/api/v1/key', bearer(shape().adminSecret), 403],
      ] as const) {
        const reply = await call(method, at, headers);
        expect([reply.status, reply.json()], `${method} ${at}`).toMatchObject([
          status,
          { error: { code: status, message: expect.any(String), metadata: { code: expect.any(String) } } },
        ]);
      }
    });

    it('are understood by the official SDK of OpenRouter', async () => {
      const manager = await shape()
        .client()
        .createKey({ name: 'the manager of an SDK', scopes: ['admin'] });
      const serverURL = `${shape().gateways[0]!.url}/api/v1`;
      const { analytics, apiKeys, oAuth } = new OpenRouter({ apiKey: manager.secret, serverURL });
      expect((await analytics.getUserActivity()).data).toBeInstanceOf(Array);
      expect((await apiKeys.getCurrentKeyMetadata()).data).toMatchObject({ isManagementKey: true, limit: null });
      const made = await apiKeys.create({ requestBody: { name: 'by an SDK', limit: 5, limitReset: 'monthly' } });
      shape().canaries.keySecrets.add(made.key);
      const { hash } = made.data;
      expect((await apiKeys.get({ hash })).data).toMatchObject({ name: 'by an SDK', limitRemaining: 5 });
      const changed = await apiKeys.update({ hash, requestBody: { name: 'renamed', disabled: true } });
      expect(changed.data).toMatchObject({ name: 'renamed', disabled: true, limitReset: 'monthly' });
      const listed = await apiKeys.list({ offset: 0, includeDisabled: true });
      expect(JSON.stringify(listed)).toContain(hash);
      expect(await apiKeys.delete({ hash })).toEqual({ deleted: true });
      await expect(apiKeys.get({ hash })).rejects.toMatchObject({ statusCode: 404 });
      const wrong = { code: 'no code', codeVerifier: newPkce().verifier, codeChallengeMethod: 'S256' } as const;
      await expect(oAuth.exchangeAuthCodeForAPIKey({ requestBody: wrong })).rejects.toMatchObject({ statusCode: 403 });
    });

    it('know projects as Langfuse does, by both halves of a project key', async () => {
      const project = await shape()
        .client()
        .admin('POST', '/v1/projects', { name: `tracing ${randomBytes(4).toString('hex')}` });
      const { id, name } = project.json<{ id: string; name: string }>();
      const made = await shape().client().admin('POST', `/v1/projects/${id}/api-keys`, { name: 'an SDK' });
      expect(made.status, made.text).toBe(201);
      const { public_key: publicKey, secret } = made.json<{ public_key: string; secret: string }>();
      shape().canaries.keySecrets.add(secret);
      const basic = (user: string, password: string) => ({
        authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
      });
      shape().canaries.keySecrets.add(basic(publicKey, secret).authorization.slice(6));
      const shown = await call('GET', '/api/public/projects', basic(publicKey, secret));
      expect([shown.status, shown.json()]).toEqual([200, { data: [{ id, name, metadata: {} }] }]);
      for (const [path, headers, status] of [
        ['/api/public/projects', {}, 401],
        ['/api/public/projects', basic('pk-of-another', secret), 401],
        ['/api/public/projects', bearer(secret), 403],
        ['/api/public/health', basic(publicKey, secret), 404],
        ['/api/public/v2/prompts', basic(publicKey, secret), 404],
      ] as const) {
        const reply = await call('GET', path, headers);
        expect([reply.status, reply.json()], path).toEqual([status, { message: expect.any(String) as string }]);
      }
      const baseUrl = shape().gateways[0]!.url;
      const sdk = new Langfuse({ publicKey, secretKey: secret, baseUrl });
      expect(await sdk.api.projectsGet()).toEqual({ data: [{ id, name, metadata: {} }] });
      // The secret alone opens no inference.
      expect((await shape().client().chat(secret, { model: 'support-bot' })).status).toBe(403);
    });
  });
}
