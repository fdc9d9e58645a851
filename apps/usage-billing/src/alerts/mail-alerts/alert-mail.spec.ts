import { describe, expect, it } from 'vitest';
import type { ThresholdAlert, UnusualSpendAlert } from '../alert.js';
import { alertMail } from './alert-mail.js';

const contacts = { organizationName: 'Acme', keyName: 'support bot', ownerEmails: [] };
const alert: ThresholdAlert = {
  kind: 'credit_threshold',
  organizationId: 'o',
  id: '5f1c8d1e-3b6a-4f7e-9d51-0123456789ab',
  accountId: 'key:k:monthly:2026-11-01',
  apiKeyId: 'k',
  level: 80,
  reason: 'posted',
  refusedCall: null,
  usedNanoUsd: 8_010_000_000n,
  limitNanoUsd: 10_000_000_000n,
  raisedAt: new Date('2026-11-29T12:00:00Z'),
};

describe('the mail about an alert', () => {
  it('says what is used of which limit', () => {
    expect(alertMail(alert, contacts)).toEqual({
      subject: '80 % of the credit limit of API key “support bot” is used',
      text: `Organisation “Acme” at Tollgate, the credit limit of API key “support bot”:

Used:  8.01 USD
Limit: 10 USD
At:    2026-11-29 12:00:00 UTC

This mail is sent once for 80 % of this limit in each of its cycles.

Whom these mails go to, and about what: PATCH /v1/alerts/settings

Tollgate
`,
    });
  });
  it.each([
    ['organization:o', 'the credit limit of the organisation “Acme”'],
    ['group:g:daily:2026-11-29', 'the budget of the group g'],
    ['project:p', 'the budget of the project p'],
    ['subscription:s:20261129T233000Z-20261229T233000Z', 'the quota of the subscription s'],
    ['payg:s:20261129T233000Z-20261229T233000Z', 'the pay-as-you-go limit of the subscription s'],
    ['balance:o', 'the prepaid credit of the organisation “Acme”'],
  ])('names %s', (accountId, what) => {
    expect(alertMail({ ...alert, accountId }, contacts).subject).toBe(`80 % of ${what} is used`);
  });
  it('G2: says of 100 % whether a call was refused, or all is used', () => {
    const refusedCall = { askedNanoUsd: 3_000_000_000n, leftNanoUsd: 1_500_000_000n };
    const refused = alertMail({ ...alert, level: 100, reason: 'refused', refusedCall }, contacts);
    expect(refused.subject).toBe('A call was refused: the credit limit of API key “support bot” does not cover it');
    expect(refused.text).toContain(
      'A call was refused that may cost 3 USD at most.\n1.5 USD were left for it, beside what calls in flight may cost.\n',
    );
    const unknown = { ...refusedCall, leftNanoUsd: null };
    expect(alertMail({ ...alert, level: 100, reason: 'refused', refusedCall: unknown }, contacts).text).not.toContain(
      'left for it',
    );
    expect(alertMail({ ...alert, level: 100 }, contacts).text).toContain('All of it is used.');
  });
  it('says of prepaid credit what is used or has expired, and of how much', () => {
    const { text } = alertMail({ ...alert, accountId: 'balance:o' }, contacts);
    expect(text).toContain('Used or expired: 8.01 USD\nCredit:          10 USD\n');
    expect(text).toContain('again after more was added');
  });
  it('makes a link of no name, and of no line two', () => {
    const names = { organizationName: 'evil.example\r\nBcc: a', keyName: 'http://evil.example', ownerEmails: [] };
    const { subject, text } = alertMail(alert, names);
    expect(subject).toBe('80 % of the credit limit of API key “http: / / evil. example” is used');
    expect(text).toContain('“evil. example Bcc: a”');
  });
  it('says what a key spent, and what is usual', () => {
    const { level: _level, reason: _reason, ...facts } = alert;
    const unusual: UnusualSpendAlert = { ...facts, kind: 'unusual_spend', day: '2026-11-29' };
    const { subject, text } = alertMail(unusual, { ...contacts, keyName: null });
    expect(subject).toBe('API key k spends more than usual');
    expect(text).toContain('8.01 USD on 2026-11-29 (UTC) so far.');
  });
});
