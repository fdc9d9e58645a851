import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { checksum, digestSecret, generateSecret, hasSecretForm, maskSecret, Secret } from './index.js';

describe('the form of a secret', () => {
  it('has the checksum that GitHub documents for its own tokens', () => {
    expect(checksum('zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ')).toBe('0mLq17');
  });
  it('is sk-, 18 random, the marker, 18 random, 6 of checksum', () => {
    const plaintext = generateSecret('TGate001').reveal();
    expect(plaintext).toMatch(/^sk-[0-9A-Za-z]{18}TGate001[0-9A-Za-z]{18}[0-4][0-9A-Za-z]{5}$/);
    expect(hasSecretForm(plaintext)).toBe(true);
    expect(hasSecretForm(generateSecret('TGate001', 'sk-sub-').reveal())).toBe(true);
  });
  it('fails when any one character is another', () => {
    const plaintext = generateSecret('TGate001').reveal();
    for (let i = 3; i < plaintext.length; i++) {
      const changed = plaintext.slice(0, i) + (plaintext[i] === 'a' ? 'b' : 'a') + plaintext.slice(i + 1);
      expect(hasSecretForm(changed)).toBe(false);
    }
  });
  it('is not met by the keys of strangers', () => {
    for (const other of ['sk-abcdefghijklmnopqrstuvwxyz0123456789', `sk-${'a'.repeat(50)}`, 'task-0123', '', 'pk-x']) {
      expect(hasSecretForm(other)).toBe(false);
    }
  });
});

describe('a secret', () => {
  it('cannot be printed or serialised by accident', () => {
    const secret = new Secret('sk-plain');
    expect(`${secret}`).toBe('[secret]');
    expect(inspect({ secret })).not.toContain('plain');
    expect(() => JSON.stringify({ secret })).toThrow(TypeError);
  });
  it('is masked to its first 6 and last 4 characters', () => {
    expect(maskSecret(new Secret('sk-abcdefghij'))).toBe('sk-abc…ghij');
  });
  it('has another digest under another pepper', () => {
    expect(digestSecret('sk-x', 'one')).toMatch(/^[0-9a-f]{64}$/);
    expect(digestSecret('sk-x', 'one')).not.toBe(digestSecret('sk-x', 'two'));
  });
});
