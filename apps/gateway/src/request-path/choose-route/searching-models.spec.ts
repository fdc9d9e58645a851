import { describe, expect, it } from 'vitest';
import { searchingOf } from './searching-models.js';

describe('a model that searches on its own', () => {
  it.each([
    ['gpt-4o-search-preview', 'once'],
    ['gpt-4o-mini-search-preview-2025-03-11', 'once'],
    ['openai/gpt-4o-search-preview', 'once'],
    ['gpt-5-search-api', 'once'],
    ['gpt-5-search-api-2025-10-14', 'once'],
    ['sonar', 'once'],
    ['sonar-pro', 'once'],
    ['perplexity/sonar-reasoning-pro', 'once'],
    ['llama-3.1-sonar-large-128k-online', 'once'],
    ['openai/gpt-4o:online', 'once'],
    ['OpenAI/GPT-4o:Online', 'once'],
    ['openai/gpt-4o:online:nitro', 'once'],
    ['sonar-deep-research', 'freely'],
    ['perplexity/sonar-deep-research', 'freely'],
    ['openai/o3-deep-research', 'freely'],
    ['o4-mini-deep-research-2025-06-26', 'freely'],
    ['groq/compound', 'freely'],
    ['groq/compound-mini', 'freely'],
    ['compound-beta', 'freely'],
    ['compound-beta-mini', 'freely'],
  ])('is known by its name: %s', (model, searching) => {
    expect(searchingOf(model)).toBe(searching);
  });
  it.each([
    'gpt-4o',
    'gpt-4o:nitro',
    'research-llama',
    'tongyi-deepresearch-30b-a3b',
    'compounds-1',
    'mistral-online-1',
  ])('is not %s', (model) => {
    expect(searchingOf(model)).toBeUndefined();
  });
});
