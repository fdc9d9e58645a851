import { describe, expect, it } from 'vitest';
import type { Identified } from '../exchange/exchange.js';
import { checkBrowser } from './check-browser.js';

const check = (refusesPages: boolean, headers: Record<string, string>) =>
  checkBrowser({ key: { refusesPages }, request: { headers } } as unknown as Identified);

describe('a key that is not for web pages', () => {
  it.each<Record<string, string>>([
    { origin: 'https://app.example' },
    { origin: 'null' },
    { origin: '' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'cors' },
  ])('refuses what browsers send with %j, and says what to do', (headers) => {
    expect(check(true, headers)).toMatchObject({
      code: 'access_denied',
      message: expect.stringMatching(/Origin or Sec-Fetch-Site.*Call from a server, or set browser_use/) as string,
    });
  });
  it.each<Record<string, string>>([
    {},
    { 'sec-fetch-mode': 'cors' },
    { referer: 'https://app.example/' },
    { 'user-agent': 'Mozilla/5.0' },
  ])('takes what a program sends with %j', (headers) => expect(check(true, headers)).toBeUndefined());
  it('is none unless it says so', () => {
    expect(check(false, { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' })).toBeUndefined();
  });
});
