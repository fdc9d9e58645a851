import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileModelList } from './key-access.js';
import { compileRoutes } from './routing.js';

describe("a key's list of models", () => {
  it.each<[string[], string[], string[]]>([
    [['gpt-4o'], ['gpt-4o'], ['gpt-4o-mini', 'gpt-4', 'GPT-4o', '']],
    [['gpt-*'], ['gpt-4o', 'gpt-'], ['gpt', 'my-gpt-4o', 'claude']],
    [['*'], ['anything', 'a/b:c'], []],
    [
      ['*-mini', 'support-bot'],
      ['gpt-4o-mini', 'support-bot'],
      ['support-bot2', 'mini'],
    ],
    [['a*b*c'], ['abc', 'a-b-c'], ['ac', 'acb']],
  ])('%j allows %j and not %j', (models, allowed, denied) => {
    const allows = compileModelList(models);
    expect(allowed.filter((model) => !allows(model))).toEqual([]);
    expect(denied.filter(allows)).toEqual([]);
  });

  it('means what the same names mean as routes', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', '-', '*'), { minLength: 1, maxLength: 6 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.uniqueArray(text, { maxLength: 5 }), text, (names, model) => {
        const route = compileRoutes(names.map((name) => ({ name, targets: [], access: 'everyone' })))(model);
        expect(compileModelList(names)(model)).toBe(route !== null);
      }),
      { numRuns: 2_000 },
    );
  });
});
