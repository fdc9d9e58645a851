import { describe, expect, it } from 'vitest';
import { webhookUrlFault } from './webhook-url.js';

describe('the address of a webhook', () => {
  it.each([
    'https://hooks.example.com/tollgate',
    'https://hooks.example.com:8443/a?b=c@d',
    'https://203.0.113.9.example/',
  ])('may be %s', (url) => expect(webhookUrlFault(url, false)).toBeNull());

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
    ['too many characters', `https://hooks.example.com/${'a'.repeat(2_000)}`],
  ])('has no %s', (_what, url) => {
    expect(webhookUrlFault(url, false)).toMatch(/https URL/);
    if (!url.startsWith('http:')) expect(webhookUrlFault(url, true)).toMatch(/https URL/);
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
    expect(webhookUrlFault(url, false)).toMatch(/private network.*webhooks\.allow_private_network/);
    expect(webhookUrlFault(url, true)).toBeNull();
  });
});
