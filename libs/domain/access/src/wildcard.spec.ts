import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileNames, matchesWildcard } from './wildcard.js';

describe('a name with *', () => {
  it('stands for any characters, none included', () => {
    expect(['gpt-', 'gpt-4o', 'gpt-4o-mini'].map((name) => matchesWildcard('gpt-*', name))).toEqual([true, true, true]);
    expect(['gpt', 'my-gpt-4o', ''].map((name) => matchesWildcard('gpt-*', name))).toEqual([false, false, false]);
    expect(matchesWildcard('a*a', 'a')).toBe(false);
    expect(matchesWildcard('*b*b*', 'abab')).toBe(true);
    expect(matchesWildcard('a.c', 'abc')).toBe(false);
  });
  it('matches what the regular expression of the same meaning matches', () => {
    const text = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, text, (pattern, name) => {
        const same = new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 's');
        expect(matchesWildcard(pattern, name)).toBe(same.test(name));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a look-up by name', () => {
  const find = compileNames(['gpt-*', '*', 'gpt-4o*', 'gpt-4o', '*-4o*'], (name) => name);
  it('finds the name itself, else the longest pattern, else the first', () => {
    expect(['gpt-4o', 'gpt-4o-mini', 'gpt-5', 'claude', 'x-4o'].map(find)).toEqual([
      'gpt-4o',
      'gpt-4o*',
      'gpt-*',
      '*',
      '*-4o*',
    ]);
    expect(compileNames(['a*', '*b'], (name) => name)('ab')).toBe('a*');
    expect(compileNames(['a'], (name) => name)('b')).toBeNull();
  });
});
