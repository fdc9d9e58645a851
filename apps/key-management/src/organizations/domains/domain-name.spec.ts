import { describe, expect, it } from 'vitest';
import { domainName, recordOf, tokensIn } from './domain-name.js';

describe('a domain', () => {
  it.each([
    ['Example.COM', 'example.com'],
    ['example.com.', 'example.com'],
    ['Bücher.example', 'xn--bcher-kva.example'],
    ['BÜCHER.example', 'xn--bcher-kva.example'],
    ['bu\u0308cher.example', 'xn--bcher-kva.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['\u212Aeeper.example', 'keeper.example'],
    ['a-1.b.example', 'a-1.b.example'],
  ])('has one form: %s is %s', (text, name) => {
    expect(domainName(text)).toBe(name);
  });
  it.each([
    '',
    '.',
    'example',
    'localhost',
    'a..example',
    '.example.com',
    'example.com..',
    '-a.example',
    'a-.example',
    'a_b.example',
    '_tollgate.example.com',
    'a b.example',
    'example.com\n',
    'a\u0000.example',
    '%65xample.com',
    'user@example.com',
    'example.com/x',
    'example.com:443',
    'example.com?x',
    '127.0.0.1',
    '0x7f.1',
    'a.0x7f',
    '[::1]',
    '*.example.com',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(125)}example`,
  ])('is not "%s"', (text) => {
    expect(domainName(text)).toBeNull();
  });
});

describe('the record of a domain', () => {
  it('shows its token, in one string or in several', () => {
    const { name, value } = recordOf('example.com', 'abc-_123');
    expect(name).toBe('_tollgate.example.com');
    expect(tokensIn([['v=spf1 -all'], [value]])).toEqual(['abc-_123']);
    expect(tokensIn([['tollgate-', 'domain=abc-', '_123']])).toEqual(['abc-_123']);
  });
  it('is not found within another text', () => {
    expect(tokensIn([['x tollgate-domain=a'], ['tollgate-domain=a b'], ['tollgate-domain='], []])).toEqual([]);
  });
});
