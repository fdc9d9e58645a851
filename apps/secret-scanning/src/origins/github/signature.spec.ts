import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readPublicKey, signatureHolds } from './signature.js';

// This sample is from GitHub's documentation of its secret scanning partner program.
const body = Buffer.from(
  '[{"source":"commit","token":"some_token","type":"some_type","url":"https://example.com/base-repo-url/"}]',
);
const signature = 'MEQCIQDaMKqrGnE27S0kgMrEK0eYBmyG0LeZismAEz/BgZyt7AIfXt9fErtRS4XaeSt/AO1RtBY66YcAdjxji410VQV4xg==';
const pem = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAdAjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw==
-----END PUBLIC KEY-----`;
const key = readPublicKey(pem)!;

describe("GitHub's signature", () => {
  it('holds over the documented sample', () => {
    expect(body.length).toBe(104);
    expect(signatureHolds(body, signature, key)).toBe(true);
  });

  it('holds for no other bytes, an added newline or another spelling of the same JSON included', () => {
    for (const other of [
      `${body.toString()}\n`,
      JSON.stringify(JSON.parse(body.toString()), null, 1),
      body.toString().replace('some_token', 'same_token'),
      '',
    ]) {
      expect(signatureHolds(Buffer.from(other), signature, key)).toBe(false);
    }
  });

  it('holds in no other form', () => {
    for (const other of [
      '',
      'nonsense',
      signature.slice(4),
      `A${signature.slice(1)}`,
      Buffer.alloc(64).toString('base64'),
    ]) {
      expect(signatureHolds(body, other, key)).toBe(false);
    }
  });

  it('is checked with ECDSA keys on P-256 only', () => {
    const other = (pair: { publicKey: { export(options: { type: 'spki'; format: 'pem' }): string | Buffer } }) =>
      pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    expect(readPublicKey(other(generateKeyPairSync('ec', { namedCurve: 'secp384r1' })))).toBeNull();
    expect(readPublicKey(other(generateKeyPairSync('ed25519')))).toBeNull();
    expect(readPublicKey('nonsense')).toBeNull();
  });
});
