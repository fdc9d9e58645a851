import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { hashOfKey, idOfHash } from './key-hash.js';

it('a hash is 64 hex digits that name one key, and no other text does', () => {
  for (let n = 0; n < 100; n += 1) {
    const id = randomUUID();
    const hash = hashOfKey(id);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(idOfHash(hash)).toBe(id);
    for (const wrong of [id, hash.toUpperCase().replace(/^[^A-F]*$/, ''), `${hash}0`, hash.slice(1), ` ${hash}`, hash.slice(32) + hash.slice(0, 32)])
      expect(idOfHash(wrong)).toBeNull();
  }
}); // prettier-ignore
