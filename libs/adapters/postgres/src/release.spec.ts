import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canRead, RELEASE } from './release.js';

describe('the release of this code', () => {
  it('is the version of its package', () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(RELEASE).toBe(version);
  });

  it.each([
    ['0.1.0', '0.1.0', true],
    ['0.1.0', '0.2.0', true],
    ['0.9.9', '0.10.0', true],
    ['1.0.0', '2.0.0', true],
    ['0.0.9', '0.1.0', true],
    ['0.2.0', '0.1.0', false],
    ['0.1.1', '0.1.0', false],
    ['0.10.0', '0.9.0', false],
    ['1.0.0', '0.9.9', false],
    ['', '0.1.0', false],
    ['0.1', '0.1.0', false],
    ['soon', '0.1.0', false],
    ['0.0.1-beta', '0.1.0', false],
  ] as const)('what is readable from %s on can be read by %s: %s', (readableFrom, release, expected) => {
    expect(canRead(readableFrom, release)).toBe(expected);
  });
});
