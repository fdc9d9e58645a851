import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSignInStage, type SignInStage } from '../sign-in-stage.js';
import { ACCOUNT_PAGES, SCRIPT_PATH } from './account-pages.js';
import { STYLE_PATH } from './html-page.js';

let s: SignInStage;
beforeAll(async () => void (s = await startSignInStage()), 60_000);
afterAll(() => s?.stop(), 30_000);

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'";

describe.each(ACCOUNT_PAGES)('the page /%s', (page) => {
  it('comes with a strict policy, tells nobody where its visitor came from, and is kept by no cache', async () => {
    for (const path of [`/${page}`, `/${page}?token=x&return_to=%2F%2Fevil.example`]) {
      const { status, headers } = await s.send('GET', path);
      expect(status).toBe(200);
      expect(headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': CSP,
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      });
      expect(headers['cache-control']).toContain('no-store');
      expect(headers['set-cookie']).toBeUndefined();
    }
  });

  it('is the same for everybody, and changes nothing, also for HEAD', async () => {
    const before = await s.sql('SELECT (SELECT count(*) FROM keys.session), (SELECT count(*) FROM keys.audit_entry)');
    const [one, other] = [await s.send('GET', `/${page}`), await s.send('GET', `/${page}?a=<script>`)];
    expect(other.text).toBe(one.text);
    const head = await s.send('HEAD', `/${page}`);
    expect([head.status, head.text]).toEqual([200, '']);
    expect(head.headers['content-security-policy']).toBe(CSP);
    for (const method of ['POST', 'PUT', 'DELETE'] as const)
      expect((await s.send(method, `/${page}`)).status).toBe(405);
    const after = await s.sql('SELECT (SELECT count(*) FROM keys.session), (SELECT count(*) FROM keys.audit_entry)');
    expect(after).toEqual(before);
  });

  it('has one script, one style, nothing inline, and no button that works without the script', async () => {
    const { text } = await s.send('GET', `/${page}`);
    expect(text.match(/<script/g)).toHaveLength(1);
    expect(text).toContain(`src="${SCRIPT_PATH}"`);
    expect(text).toContain(`href="${STYLE_PATH}"`);
    expect(text).not.toMatch(/<style|\son\w+=|\sstyle=|javascript:|https?:\/\//i);
    for (const [button] of text.matchAll(/<button[^>]*>/g)) expect(button).toMatch(/ disabled| hidden/);
    for (const [form] of text.matchAll(/<form[^>]*>/g)) expect(form).toContain('method="post"');
  });

  it('says its language and title, and has a label for each field', async () => {
    const { text } = await s.send('GET', `/${page}`);
    expect(text).toMatch(/^<!doctype html>\s*<html lang="en">/i);
    expect(text).toMatch(/<title>[^<]+<\/title>/);
    expect(text.match(/<h1>/g)).toHaveLength(1);
    expect(text).toContain('<main>');
    const ids = [...text.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of text.matchAll(/<input\s[^>]*?id="([^"]+)"/g)) expect(text).toContain(`<label for="${id}">`);
    for (const [, id] of text.matchAll(/aria-describedby="([^"]+)"/g)) expect(ids).toContain(id);
    for (const [input] of text.matchAll(/<input\s[^>]*>/g)) expect(input).toMatch(/autocomplete="[\w-]+"/);
  });
});

describe('the files of the pages', () => {
  it.each([
    [SCRIPT_PATH, 'text/javascript; charset=utf-8'],
    [STYLE_PATH, 'text/css; charset=utf-8'],
  ])('%s is %s of our own origin', async (path, type) => {
    const { status, headers, text } = await s.send('GET', path);
    expect([status, headers['content-type']]).toEqual([200, type]);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(text.length).toBeGreaterThan(500);
    expect(text).not.toMatch(/https?:\/\/|eval\(|innerHTML|insertAdjacentHTML|document\.write/);
  });
});
