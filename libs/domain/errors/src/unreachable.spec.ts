import { describe, expect, it } from 'vitest';
import { unreachable } from './index.js';

describe('a case that nobody thought of', () => {
  it.each<[unknown, string]>([
    [{ kind: 'suspended', secret: 'sk-tg-1' }, 'unknown case: suspended'],
    ['suspended', 'unknown case: suspended'],
    ['x'.repeat(99), `unknown case: ${'x'.repeat(40)}`],
    [7, 'unknown case: number'],
    [{ secret: 'sk-tg-1' }, 'unknown case: undefined'],
    [null, 'unknown case: object'],
    [undefined, 'unknown case: undefined'],
  ])('throws, and says no more of it than its kind: %j', (value, message) => {
    expect(() => unreachable(value as never)).toThrow(new Error(message));
  });
});
