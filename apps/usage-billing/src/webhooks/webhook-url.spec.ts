import { describe, expect, it } from 'vitest';
import { readWebhookUrl } from './webhook-url.js';

/** What is wrong with a text; null if nothing is. */
function faultOf(text: string, allowPrivateNetwork: boolean): string | null {
  const read = readWebhookUrl(text, allowPrivateNetwork);
  return read.kind === 'fault' ? read.message : null;
}

describe('the address of a webhook', () => {
  it.each([
    'https://hooks.example.com/tollgate',
    'https://hooks.example.com:8443/a?b=c@d',
    'https://203.0.113.9.example/',
  ])('may be %s', (url) => expect(faultOf(url, false)).toBeNull());

  it.each([
    ['HTTPS://Hooks.Example.com:443', 'https://hooks.example.com/'],
    ['https://ⓔxample.com/', 'https://example.com/'],
    ['https://bücher.example/ä?ö', 'https://xn--bcher-kva.example/%C3%A4?%C3%B6'],
    ['https://hooks.example.com/a/../b', 'https://hooks.example.com/b'],
  ])('is kept as it will be called: %s', (text, url) => {
    expect(readWebhookUrl(text, false)).toEqual({ kind: 'valid', url });
  });

  it.each([
    ['http', 'http://hooks.example.com/'],
    ['another scheme', 'ftp://hooks.example.com/'],
    ['a script', 'javascript:alert(1)'],
    ['a file', 'file:///etc/passwd'],
    ['a user', 'https://ann@hooks.example.com/'],
    ['a user and a password', 'https://ann:secret@hooks.example.com/'],
    ['an empty user', 'https://@hooks.example.com/'],
    ['a user behind other slashes', 'https:\\\\@hooks.example.com/'],
    ['a fragment', 'https://hooks.example.com/#a'],
    ['an empty fragment', 'https://hooks.example.com/#'],
    ['no URL', 'hooks.example.com'],
    ['blanks before it', ' https://hooks.example.com/'],
    ['an end of a line', 'https://hooks.example.com/\n'],
    ['a tab in the middle', 'https://hooks.exa\tmple.com/'],
    ['an invisible character', 'https://hooks.exa\u200bmple.com/'],
    ['missing slashes', 'https:hooks.example.com'],
    ['one slash', 'https:/hooks.example.com'],
    ['a backslash before another host', 'https://hooks.example.com\\@127.0.0.1/'],
    ['port 0', 'https://hooks.example.com:0/'],
    ['a port beyond all', 'https://hooks.example.com:65536/'],
    ['too many characters once it is written out', `https://hooks.example.com/${'ä'.repeat(900)}`],
    ['too many characters', `https://hooks.example.com/${'a'.repeat(2_000)}`],
  ])('has no %s', (_what, url) => {
    expect(faultOf(url, false)).toMatch(/https URL/);
    if (!url.startsWith('http:')) expect(faultOf(url, true)).toMatch(/https URL/);
  });

  it.each([
    'https://127.0.0.1/',
    'https://localhost/',
    'https://localhost./',
    'https://a.localhost/',
    'https://10.0.0.7/',
    'https://169.254.169.254/latest/meta-data/',
    'https://192.168.1.1/',
    'https://100.64.0.1/',
    'https://0.0.0.0/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[fe80::1]/',
    'https://[fd00::1]/',
    'https://[64:ff9b::7f00:1]/',
    'http://127.0.0.1:8080/',
  ])('G4: is not inside, as %s', (url) => {
    expect(faultOf(url, false)).toMatch(/private network.*webhooks\.allow_private_network/);
    expect(faultOf(url, true)).toBeNull();
  });
});
