import { digestSecret, generateSecret } from '@tollgate/api-key';
import { expect, it } from 'vitest';
import { DigestMemory } from './digest-memory.js';

it('gives a secret the digest that key-management gave it, the first time and after', () => {
  const memory = new DigestMemory(['the pepper of the test']);
  for (const secret of [generateSecret('TGate001').reveal(), generateSecret('TGate001').reveal()]) {
    const digest = digestSecret(secret, 'the pepper of the test');
    expect([memory.digestsOf(secret), memory.digestsOf(secret)]).toEqual(
      Array.from({ length: 2 }, () => ({ present: digest, previous: null })),
    );
  }
});

it('knows no digest of what is no secret, however long it is', () => {
  const memory = new DigestMemory(['the pepper of the test']);
  for (const junk of ['', 'sk-short', `sk-${'a'.repeat(50)}`, 'x'.repeat(10_000)])
    expect(memory.digestsOf(junk)).toBeNull();
});

it('knows the digests under both peppers while one is being replaced, and finds them without making them again', () => {
  const memory = new DigestMemory(['the new pepper of the test', 'the old pepper of the test']);
  const secret = generateSecret('TGate001').reveal();
  const digests = memory.digestsOf(secret);
  expect(digests).toEqual({
    present: digestSecret(secret, 'the new pepper of the test'),
    previous: digestSecret(secret, 'the old pepper of the test'),
    further: [digestSecret(secret, 'the old pepper of the test')],
  });
  expect(memory.digestsOf(secret)).toBe(digests);
});
