import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from './index.js';

const PAGE = readFileSync(new URL('../../../../docs/providers.md', import.meta.url), 'utf8');
const recipes = [...PAGE.matchAll(/^## ([^\n]+)\n[^]*?```yaml\n([^]*?)```/gm)].map(
  ([, title = '', text = '']) => [title, text] as const,
);

describe('a recipe of docs/providers.md', () => {
  it('is there for each kind of server', () => {
    expect(recipes.map(([title]) => title)).toEqual([
      'vLLM',
      'Ollama',
      'OpenRouter',
      'Gemini',
      'Amazon Bedrock',
      'A proxy in front of OpenAI',
      'OpenAI and Anthropic, with all options',
    ]);
  });
  it.each(recipes)('is a configuration: %s', (_title, text) => {
    const config = parseConfig(text, {
      path: 'config.yaml',
      lookup: () => undefined,
      readSecret: () => ({ fault: 'a file that does not exist', isAbsent: true }),
    });
    expect(config.routes.length).toBeGreaterThan(0);
  });
});
