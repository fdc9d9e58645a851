import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keySnapshot, registerGatewayRequest } from './index.js';
import { asLedgerText, isLedgerText } from './ledger-text.js';

const HELD = [
  '',
  'gpt-4o-mini',
  'org/model:free',
  '模型',
  '👩‍👩‍👧',
  '\u{10ffff}',
  '\ufffe',
  '\u200d',
  '\u2028',
  '\t\n\u0001\u007f',
];
const REFUSED = ['\0', 'gpt\0', '\ud83d', 'x\udc00y', '\udc00\ud800', '👩\ud83d'];

describe('a text that the ledger can hold', () => {
  it.each(HELD)('is any text of whole characters: %j', (text) => {
    expect(isLedgerText(text)).toBe(true);
    expect(asLedgerText(text)).toBe(text);
  });
  it.each(REFUSED)('has no NUL and no half of a surrogate pair: %j', (text) => {
    expect(isLedgerText(text)).toBe(false);
  });
  it('is made of any other by putting U+FFFD in the place of what it cannot hold, and of nothing else', () => {
    expect(asLedgerText('a\0b\ud83dc👩')).toBe('a\ufffdb\ufffdc👩');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.constantFrom('\0', '\ud800', '\udfff')), (text, odd) => {
        const mixed = text + odd.join('') + text;
        const held = asLedgerText(mixed);
        // JSON writes an unpaired surrogate as an escape; UTF-8 cannot encode one.
        return isLedgerText(held) && held.length === mixed.length && Buffer.from(held).toString() === held;
      }),
    );
  });
});

describe('ids that reach the ledger', () => {
  const snapshot = {
    state: 'active',
    apiKeyId: 'key',
    organizationId: 'organization',
    version: 1,
    digests: [],
    name: 'a name',
    scopes: [],
    expiresAtMs: null,
    models: null,
    allowedIps: null,
    accounts: [{ accountId: 'account', capNanoUsd: null }],
    rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
  };
  it('are refused where they enter, so that no event holds one that cannot be booked', () => {
    expect(keySnapshot.safeParse(snapshot).success).toBe(true);
    for (const odd of REFUSED) {
      const accounts = [{ accountId: odd, capNanoUsd: null }];
      for (const fields of [{ apiKeyId: odd }, { organizationId: odd }, { accounts }]) {
        expect(keySnapshot.safeParse({ ...snapshot, ...fields }).success, JSON.stringify(fields)).toBe(false);
      }
      expect(registerGatewayRequest.safeParse({ instanceId: 'i', journalId: odd }).success).toBe(false);
    }
  });
});
