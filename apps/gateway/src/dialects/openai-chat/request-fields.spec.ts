import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { REQUEST_FIELDS } from './request-fields.js';

describe('the table of request fields', () => {
  const names = REQUEST_FIELDS.map(({ name }) => name);
  it('has each field once, in lower case, with a reason', () => {
    expect(new Set(names).size).toBe(names.length);
    for (const { name, why } of REQUEST_FIELDS) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(why).toMatch(/^[A-Z].*\.$/);
    }
  });
  it('has every field that OpenAI documents for chat completions', () => {
    // The package's main file is beside the folder of its types.
    const types = createRequire(import.meta.url)
      .resolve('openai')
      .replace(/index\.m?js$/, 'resources/chat/completions/completions.d.ts');
    const declared = /export interface ChatCompletionCreateParamsBase \{(.*?)\n\}/s.exec(
      readFileSync(types, 'utf8'),
    )![1]!;
    const documented = [...declared.matchAll(/^ {4}(\w+)\??:/gm)].map(([, name]) => name!);
    expect(documented.length).toBeGreaterThan(30);
    expect(names).toEqual(expect.arrayContaining(documented));
  });
});
