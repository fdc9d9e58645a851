import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { scramVerifier } from './scram-verifier.js';

/** The exchange in section 3 of RFC 7677: the user `user` with the password `pencil`. */
const SALT = 'W22ZaJ0SNY7soEsUEjb6gQ==';
const SIGNED =
  'n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,' +
  'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
const SERVER_SIGNATURE = '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

describe('the verifier of a password', () => {
  it('signs as the server of the standard does', () => {
    const verifier = scramVerifier('pencil', Buffer.from(SALT, 'base64'));
    expect(verifier).toMatch(/^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$[\w+/=]{44}:[\w+/=]{44}$/);
    const serverKey = Buffer.from(verifier.split(':').at(-1)!, 'base64');
    expect(createHmac('sha256', serverKey).update(SIGNED).digest('base64')).toBe(SERVER_SIGNATURE);
  });
  it('has a salt of its own each time, and not the password', () => {
    const [one, other] = [scramVerifier('pencil'), scramVerifier('pencil')];
    expect(one).not.toBe(other);
    expect(one).not.toContain('pencil');
  });
});
