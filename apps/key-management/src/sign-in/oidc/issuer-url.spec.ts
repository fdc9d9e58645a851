import { describe, expect, it } from 'vitest';
import { issuerFault } from './issuer-url.js';

describe('an issuer', () => {
  it.each([
    'https://idp.example',
    'https://idp.example/',
    'https://idp.example:8443/realms/acme',
    'https://login.example/0123/v2.0',
    'https://8.8.8.8/x',
  ])('may be %s', (text) => {
    expect(issuerFault(text, false)).toBeNull();
  });
  it.each([
    '',
    'idp.example',
    'http://idp.example',
    'ftp://idp.example',
    'javascript:alert(1)',
    'https://user@idp.example',
    'https://user:secret@idp.example',
    'https://idp.example/?a=b',
    'https://idp.example/?',
    'https://idp.example/#',
    'https://IDP.example',
    'https://idp.example:443/',
    'https://idp.example/a/../b',
    'https://idp.example\\@evil.example',
    ' https://idp.example',
    'https://idp.example/\n',
    'https://idp.example/.well-known/openid-configuration',
    `https://idp.example/${'x'.repeat(500)}`,
  ])('is never %j', (text) => {
    for (const allowed of [true, false]) expect(issuerFault(text, allowed)).not.toBeNull();
  });
  it.each([
    'http://127.0.0.1:8080',
    'http://localhost:8080/realm',
    'http://[::1]:8080',
    'https://localhost',
    'https://idp.localhost',
    'https://localhost.',
    'https://idp.localhost.',
    'https://10.0.0.1',
    'https://192.168.1.1/x',
    'https://169.254.169.254/latest',
    'https://[fd00:ec2::254]/',
    'https://[::ffff:a00:1]/',
  ])('is %s only where private networks are allowed', (text) => {
    expect(issuerFault(text, false)).not.toBeNull();
    expect(issuerFault(text, true)).toBeNull();
  });
  it('is on no other host by http, whatever is allowed', () => {
    for (const text of ['http://10.0.0.1', 'http://localhost.evil.example', 'http://127.0.0.1.evil.example'])
      expect(issuerFault(text, true)).not.toBeNull();
  });
});
