import { digestSecret, generateSecret } from '@tollgate/api-key';
import { expect, it } from 'vitest';
import { DigestMemory } from './digest-memory.js';

it('gives a secret the digest that key-management gave it, the first time and after', () => {
  const memory = new DigestMemory('the pepper of the test');
  for (const secret of [generateSecret('TGate001').reveal(), generateSecret('TGate001').reveal()]) {
    const digest = digestSecret(secret, 'the pepper of the test');
    expect([memory.digestOf(secret), memory.digestOf(secret)]).toEqual([digest, digest]);
  }
});

it('knows no digest of what is no secret, however long it is', () => {
  const memory = new DigestMemory('the pepper of the test');
  for (const junk of ['', 'sk-short', `sk-${'a'.repeat(50)}`, 'x'.repeat(10_000)])
    expect(memory.digestOf(junk)).toBeNull();
});
