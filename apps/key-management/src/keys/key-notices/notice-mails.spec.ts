import { describe, expect, it } from 'vitest';
import { expiryMail, rotationMail, type NoticedKey } from './notice-mails.js';

const now = new Date('2026-11-29T12:00:00.000Z');
const key = (name: string, hours: number): NoticedKey => ({
  name,
  maskedKey: 'sk-abc…wxyz',
  dueAt: new Date(now.getTime() + hours * 3_600_000),
  makerId: null,
});

describe('the mail about keys that expire', () => {
  it('names each with its moment in UTC and the days that are left', () => {
    const { subject, text } = expiryMail('Acme', [key('bot', 24), key('batch', 72), key('old', 300)], now);
    expect(subject).toBe('3 API keys of “Acme” expire soon');
    expect(text.split('\n').slice(0, 5)).toEqual([
      'API keys of the organisation “Acme” at Tollgate that expire soon:',
      '',
      '- “bot” (sk-abc…wxyz): expires 2026-11-30 12:00:00 UTC, within a day',
      '- “batch” (sk-abc…wxyz): expires 2026-12-02 12:00:00 UTC, in 3 days',
      '- “old” (sk-abc…wxyz): expires 2026-12-12 00:00:00 UTC, in 13 days',
    ]);
  });
  it('of one key names it in its subject', () => {
    expect(expiryMail('Acme', [key('bot', 71.9)], now).subject).toBe('API key “bot” expires in 3 days');
    expect(expiryMail('Acme', [key('bot', 0.1)], now).subject).toBe('API key “bot” expires within a day');
  });
  it('stays readable however many keys there are', () => {
    const { text } = expiryMail('Acme', Array<NoticedKey>(1_000).fill(key('bot', 24)), now);
    expect(text).toContain('- and 950 more');
    expect(text.split('\n').length).toBeLessThan(70);
  });
});

describe('the mail about keys that are due to be rotated', () => {
  it('says since when, and that nothing happens by itself', () => {
    const { subject, text } = rotationMail('Acme', [key('bot', -48)]);
    expect(subject).toBe('API key “bot” is due to be rotated');
    expect(text).toContain('- “bot” (sk-abc…wxyz): due since 2026-11-27 12:00:00 UTC');
    expect(text).toContain('Nothing is rotated by itself');
  });
});

describe.each([
  ['expires', (name: string) => expiryMail(name, [key(name, 24)], now)],
  ['is due', (name: string) => rotationMail(name, [key(name, -1)])],
])('a mail that a key %s', (_what, mail) => {
  it.each(['https://evil.example/x', 'www.evil.example', 'x\r\nBcc: b@evil.example', 'gnp.\u202eexe'])(
    'has no link and no line of the name %j',
    (name) => {
      const { subject, text } = mail(name);
      expect(text).not.toMatch(/\S+:\/\/\S+|evil\.example|\u202e/);
      expect(subject).not.toMatch(/[\r\n\u202e]|evil\.example/);
      expect(text.split('\n')).toHaveLength(mail('plain').text.split('\n').length);
    },
  );
});
