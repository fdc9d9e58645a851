import { describe, expect, it } from 'vitest';
import { requestOrigin } from './request-origin.js';
import {
  cookiesNamed,
  csrfTokenFits,
  csrfTokenOf,
  endedSessionCookie,
  hasTokenForm,
  sessionCookie,
  sessionCookieName,
} from './session-cookie.js';

const HTTPS = 'https://tollgate.example';
const NAME = '__Host-tollgate_session';
const TOKEN = 'A'.repeat(43);

describe("the session's cookie", () => {
  it('has the name and the attributes that fit the scheme of the public origin', () => {
    expect(sessionCookieName(HTTPS)).toBe(NAME);
    expect(sessionCookieName('http://127.0.0.1:8080')).toBe('tollgate_session');
    expect(sessionCookie(HTTPS, TOKEN)).toBe(`${NAME}=${TOKEN}; Path=/; HttpOnly; SameSite=Lax; Secure`);
    expect(sessionCookie('http://localhost:8080', TOKEN)).toBe(
      `tollgate_session=${TOKEN}; Path=/; HttpOnly; SameSite=Lax`,
    );
    expect(endedSessionCookie(HTTPS)).toContain(`${NAME}=; Max-Age=0; Path=/;`);
  });

  it.each([
    ['alone', `${NAME}=${TOKEN}`, [TOKEN]],
    ['among others', `a=b; ${NAME}=${TOKEN} ;c`, [TOKEN]],
    ['behind a $Version, which is only another cookie', `$Version=1; ${NAME}=${TOKEN}; $Path=/`, [TOKEN]],
    ['twice', `${NAME}=${TOKEN}; ${NAME}=other`, [TOKEN, 'other']],
    ['in the value of a $Version', `$Version=1, ${NAME}=${TOKEN}`, []],
    ['behind a space of Latin-1', `\u00a0${NAME}=${TOKEN}`, []],
    ['behind a space of Unicode, in the bytes that Node.js shows', `\u00e2\u0080\u0080${NAME}=${TOKEN}`, []],
    ['behind a line separator', `\u0085${NAME}=${TOKEN}`, []],
    ['in other case', `__host-tollgate_session=${TOKEN}; __HOST-TOLLGATE_SESSION=${TOKEN}`, []],
    ['in quotes', `"${NAME}"=${TOKEN}`, []],
    ['without its prefix', `tollgate_session=${TOKEN}`, []],
    ['as a value', `x=${NAME}=${TOKEN}`, []],
    ['without a value', NAME, []],
    ['encoded', `%5F%5FHost-tollgate_session=${TOKEN}`, []],
    ['nowhere', undefined, []],
  ])('is read %s as it stands', (_, header, values) => {
    expect(cookiesNamed(header, NAME)).toEqual(values);
  });

  it('has a value of one form', () => {
    expect(hasTokenForm(TOKEN)).toBe(true);
    for (const wrong of ['', `"${TOKEN}"`, `${TOKEN}A`, TOKEN.slice(1), `${TOKEN.slice(1)}=`, `${TOKEN}\n`])
      expect(hasTokenForm(wrong)).toBe(false);
  });
});

describe('the CSRF token', () => {
  it('follows from the session, and fits no other', () => {
    const token = csrfTokenOf(TOKEN);
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(csrfTokenFits(token, TOKEN)).toBe(true);
    for (const wrong of [undefined, '', `${token}x`, csrfTokenOf('other'), TOKEN, [token], 1])
      expect(csrfTokenFits(wrong, TOKEN)).toBe(false);
  });
});

describe('the origin of a request', () => {
  it.each([
    ['own', { origin: HTTPS }],
    ['own', { 'sec-fetch-site': 'same-origin' }],
    ['own', { origin: HTTPS, 'sec-fetch-site': 'same-origin' }],
    ['unsaid', {}],
    ['foreign', { origin: 'null' }],
    ['foreign', { origin: 'http://tollgate.example' }],
    ['foreign', { origin: 'https://tollgate.example:8443' }],
    ['foreign', { origin: 'https://tollgate.example.evil.example' }],
    ['foreign', { origin: 'https://console.tollgate.example' }],
    ['foreign', { origin: 'https://tollgate.example/' }],
    ['foreign', { origin: 'https://user@tollgate.example' }],
    ['foreign', { origin: '' }],
    ['foreign', { origin: `${HTTPS}, https://evil.example` }],
    ['foreign', { 'sec-fetch-site': 'same-site' }],
    ['foreign', { 'sec-fetch-site': 'cross-site' }],
    ['foreign', { 'sec-fetch-site': 'none' }],
    ['foreign', { 'sec-fetch-site': 'SAME-ORIGIN' }],
    ['foreign', { origin: HTTPS, 'sec-fetch-site': 'same-site' }],
    ['foreign', { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }],
  ])('is %s by %j', (expected, headers) => {
    expect(requestOrigin(headers, HTTPS)).toBe(expected);
  });

  it('is one for the names of loopback on one port', () => {
    const ours = 'http://127.0.0.1:8080';
    const of = (origin: string) => requestOrigin({ origin }, ours);
    for (const own of ['http://localhost:8080', 'http://[::1]:8080', ours]) expect(of(own)).toBe('own');
    for (const foreign of ['http://localhost:8081', 'https://localhost:8080', 'http://localhost.evil.example:8080'])
      expect(of(foreign)).toBe('foreign');
  });
});
