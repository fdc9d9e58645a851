import { describe, expect, it } from 'vitest';
import { projectKeyOf } from './read-credential.js';

const of = (authorization: string | undefined) => projectKeyOf(authorization === undefined ? {} : { authorization });
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

describe('a project key as Basic', () => {
  it('has the public key as its user, and the secret as its password', () => {
    const expected = { kind: 'project_key', publicKey: 'pk-a', secret: 'sk-b' };
    for (const header of [basic('pk-a:sk-b'), basic('pk-a:sk-b').replace('Basic', 'basic'), `${basic('pk-a:sk-b')} `])
      expect(of(header)).toEqual(expected);
    // Only the first colon parts the two (RFC 7617).
    expect(of(basic('pk-a:sk-b:c'))).toMatchObject({ secret: 'sk-b:c' });
    expect(of(basic(':'))).toMatchObject({ publicKey: '', secret: '' });
  });

  it.each([
    undefined,
    '',
    'Basic',
    'Basic ',
    'Basic %%%',
    'Basic a b',
    basic('no colon'),
    'Bearer pk-a:sk-b',
    basic(`pk:${'x'.repeat(600)}`),
  ])('is not read from %s', (header) => expect(of(header)).toBeNull());
});
