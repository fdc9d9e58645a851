import { describe, expect, it } from 'vitest';
import { emailAddressField, normalDomain, normalEmailAddress } from './email-address.js';

describe('an e-mail address', () => {
  it.each([
    ['owner@localhost', 'owner@localhost'],
    ['Ann@Example.ORG', 'ann@example.org'],
    ['ann+tag@example.org', 'ann+tag@example.org'],
    ["o'hara.b_c@mail.example.org", "o'hara.b_c@mail.example.org"],
    ['ann@Bücher.example', 'ann@xn--bcher-kva.example'],
    ['ann@XN--BCHER-KVA.example', 'ann@xn--bcher-kva.example'],
    ['ann@ex。example', 'ann@ex.example'],
    // Characters of a domain that Unicode itself maps to ASCII name the same host.
    ['ann@\u212aelvin.example', 'ann@kelvin.example'],
    [`${'a'.repeat(64)}@example.org`, `${'a'.repeat(64)}@example.org`],
  ])('%s has the normal form %s', (given, normal) => {
    expect(normalEmailAddress(given)).toBe(normal);
    expect(normalEmailAddress(normal)).toBe(normal);
  });

  it('stays two addresses where two letters only look alike', () => {
    expect(normalEmailAddress('ann@ex\u0430mple.org')).toBe('ann@xn--exmple-4nf.org');
    expect(normalEmailAddress('ann@example.org')).not.toBe(normalEmailAddress('ann@ex\u0430mple.org'));
  });

  it.each([
    ['nothing', ''],
    ['no @', 'ann'],
    ['no local part', '@example.org'],
    ['no domain', 'ann@'],
    ['two @', 'ann@evil.example@example.org'],
    ['quotes', '"a@evil.example b"@good.example'],
    ['quotes without spaces', '"ann"@example.org'],
    ['a comment in the domain', 'a@good.example(x)evil.example'],
    ['a comment in the local part', 'ann(x)@example.org'],
    ['a list', 'a@x.example,b@y.example'],
    ['a list with a semicolon', 'a@x.example;b@y.example'],
    ['a name', 'Ann <ann@example.org>'],
    ['brackets', '<ann@example.org>'],
    ['a source route', '@a.example:ann@example.org'],
    ['a percent route', 'ann@evil.example%2e@example.org'],
    ['a percent in the domain', 'ann@ex%61mple.org'],
    ['a line break', 'ann@example.org\r\nBcc: b@evil.example'],
    ['a line break at the end', 'ann@example.org\n'],
    ['a line break in the local part', 'ann\n@example.org'],
    ['a null', 'ann\u0000@example.org'],
    ['a space at the start', ' ann@example.org'],
    ['a space at the end', 'ann@example.org '],
    ['a no-break space', 'ann\u00a0@example.org'],
    ['the Kelvin sign in the local part', '\u212aelvin@example.org'],
    ['a dotless i', 'adm\u0131n@example.org'],
    ['a dotted capital I', 'adm\u0130n@example.org'],
    ['a Cyrillic a', '\u0430dmin@example.org'],
    ['a full-width letter', '\uff41dmin@example.org'],
    ['a full-width @', 'admin\uff20example.org'],
    ['a zero-width space', 'ad\u200bmin@example.org'],
    ['a right-to-left override', 'admin@\u202eexample.org'],
    ['half a surrogate pair', 'admin@ex\ud800mple.org'],
    ['a dot at the start', '.ann@example.org'],
    ['a dot at the end', 'ann.@example.org'],
    ['two dots', 'an..n@example.org'],
    ['a domain with a final dot', 'ann@example.org.'],
    ['a domain with an empty label', 'ann@example..org'],
    ['a domain that begins with a hyphen', 'ann@-example.org'],
    ['an underscore in the domain', 'ann@ex_ample.org'],
    ['an IPv4 address', 'ann@127.0.0.1'],
    ['an IPv4 address as one number', 'ann@2130706433'],
    ['an IPv4 address in hexadecimal', 'ann@0x7f.1'],
    ['an address literal', 'ann@[127.0.0.1]'],
    ['a port', 'ann@example.org:25'],
    ['a path', 'ann@example.org/x'],
    ['a backslash', 'ann@example.org\\evil.example'],
    ['a label that is no punycode', 'ann@xn--\u0430.example'],
    ['a local part of 65', `${'a'.repeat(65)}@example.org`],
    ['a label of 64', `ann@${'a'.repeat(64)}.org`],
    ['255 characters', `ann@${'a.'.repeat(123)}examp`],
    ['10,000 characters', `${'a'.repeat(5_000)}@${'a'.repeat(5_000)}`],
    ['10,000 characters of a domain', `ann@${'ü'.repeat(10_000)}`],
    ['10,000 times @', '@'.repeat(10_000)],
  ])('with %s is refused', (_what, given) => {
    expect(normalEmailAddress(given)).toBeNull();
    const parsed = emailAddressField.safeParse(given);
    expect(parsed.error?.issues).toMatchObject([{ message: 'must be one e-mail address, as name@example.org' }]);
  });
});

describe('a domain name', () => {
  it('has one form', () => {
    expect(normalDomain('Bücher.EXAMPLE')).toBe('xn--bcher-kva.example');
    for (const text of ['', '.', 'a b', 'a@b', '10.0.0.1', '::1', 'example.org.', 'ex%61mple.org'])
      expect(normalDomain(text)).toBeNull();
  });
});
