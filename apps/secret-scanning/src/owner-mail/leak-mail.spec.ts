import { describe, expect, it } from 'vitest';
import type { Leak } from '../store/leak-store.js';
import { leakMail, safeLink } from './leak-mail.js';

const leak: Leak = {
  organizationId: 'default',
  keyName: 'support bot',
  maskedKey: 'sk-abc…wxyz',
  reportedAt: new Date('2026-11-20T12:00:00Z'),
  revokedAt: new Date('2026-11-20T12:00:01Z'),
  formerSecret: null,
  places: [
    { origin: 'github', source: 'commit', url: 'https://github.com/acme/app/blob/main/.env' },
    { origin: 'github', source: 'issue_comment', url: 'http://evil.example/' },
    { origin: 'github', source: '', url: '' },
  ],
};
const spending = {
  apiKeyId: 'k',
  requests: 12,
  inputTokens: 1,
  outputTokens: 1,
  chargedNanoUsd: '123000',
  lastUsedAt: '2026-11-20T11:59:00.000Z',
  lastUsedFrom: '203.0.113.7',
};

describe('the mail about a leaked key', () => {
  it('says which key, where, when, what was done, how it was used and what to do', () => {
    expect(leakMail(leak, spending, 'https://tollgate.example.com')).toEqual({
      subject: 'API key "support bot" leaked and was revoked',
      text: `The API key "support bot" (sk-abc…wxyz) was found where it must not be.
Tollgate has revoked it: every request with it is refused from now on.

Where it was found:
- GitHub, commit: https://github.com/acme/app/blob/main/.env
- GitHub, issue comment: (address not shown: not on a known host)
- GitHub

Reported: 2026-11-20 12:00:00 UTC
Revoked:  2026-11-20 12:00:01 UTC

Last used: 2026-11-20 11:59:00 UTC from 203.0.113.7
Spent in all: 0.000123 USD in 12 requests

What to do next:
1. Make a replacement key: POST https://tollgate.example.com/v1/api-keys and give it to whoever used this one.
2. Take the secret out of the places above. A deleted commit can still be read: the revoked key cannot be used.
3. Look through the usage above for requests that were not yours.
`,
    });
  });

  it('shows a name in the order it is written in, on one line', () => {
    const { subject, text } = leakMail(
      { ...leak, keyName: 'gnp.\u202eexe\u2066\r\nBcc: x\u2029\u0007\ud800' },
      spending,
      null,
    );
    expect(subject).toBe('API key "gnp.exe Bcc: x \ufffd" leaked and was revoked');
    expect(text.split('\n')[0]).toBe(
      'The API key "gnp.exe Bcc: x \ufffd" (sk-abc…wxyz) was found where it must not be.',
    );
  });

  it('does not pass unknown sums off as nothing', () => {
    const { text } = leakMail({ ...leak, places: [] }, null, null);
    expect(text).toContain('Last used: unknown');
    expect(text).toContain('Spent in all: unknown');
    expect(text).toContain('- the reporter did not say');
    expect(leakMail(leak, { ...spending, lastUsedAt: null, lastUsedFrom: null }, null).text).toContain(
      'Last used: never\n',
    );
  });

  it('stays readable however many places there are', () => {
    const { text } = leakMail({ ...leak, places: Array(500).fill(leak.places[0]) }, null, null);
    expect(text).toContain('- and 480 more');
    expect(text.split('\n').every((line) => line.length <= 998)).toBe(true);
  });
});

describe('the mail about a leaked former secret', () => {
  it('says that the key lives on, and asks for no other key', () => {
    const { subject, text } = leakMail({ ...leak, formerSecret: { keyIsLive: true } }, spending, null);
    expect(subject).toBe('A former secret of API key "support bot" leaked and has ended');
    expect(text).toContain('A former secret (sk-abc…wxyz) of the API key "support bot" was found');
    expect(text).toContain('The key lives on');
    expect(text).toContain('Ended:    2026-11-20 12:00:01 UTC');
    expect(text).toContain('- GitHub, issue comment: (address not shown: not on a known host)');
    expect(text).not.toContain('replacement');
  });
  it('does not say so of a key that has ended itself', () => {
    const { text } = leakMail({ ...leak, formerSecret: { keyIsLive: false } }, null, null);
    expect(text).not.toContain('lives on');
    expect(text).toContain('The key itself has ended, too.');
  });
  it('shows a name on one line', () => {
    const { subject } = leakMail({ ...leak, keyName: 'x\r\nBcc: y', formerSecret: { keyIsLive: true } }, null, null);
    expect(subject).toBe('A former secret of API key "x Bcc: y" leaked and has ended');
  });
});

describe('a link in a mail', () => {
  it('leads to the reporter only', () => {
    expect(safeLink('https://gist.github.com/x')).toBe('https://gist.github.com/x');
    for (const url of [
      '',
      'nonsense',
      'http://github.com/x',
      'https://github.com.evil.example/',
      'https://evil.example/github.com',
      'https://user@github.com/',
      'https://github.com:8443/',
      'javascript:alert(1)',
      `https://github.com/${'x'.repeat(900)}`,
    ]) {
      expect(safeLink(url)).toBeNull();
    }
  });
  it('cannot break out of its line', () => {
    expect(safeLink('https://github.com/a\r\nBcc: x')).not.toMatch(/[\r\n ]/);
  });
});
