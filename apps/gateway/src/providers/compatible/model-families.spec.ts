import { expect, it } from 'vitest';
import { takesMistralsCallIds, wantsThoughts } from './model-families.js';

it.each([
  ['deepseek-chat', true],
  ['deepseek-v4-pro', true],
  ['deepseek-ai/DeepSeek-V3.2', true],
  ['us.deepseek.r1-v1:0', true],
  ['accounts/fireworks/models/deepseek-v3p2', true],
  ['kimi-k2-thinking', true],
  ['moonshotai/Kimi-K2.5', true],
  ['~moonshotai/kimi-latest', true],
  ['gpt-5.6', false],
  ['qwen/qwen3-32b', false],
  ['mykimi', false],
])('%s wants its earlier thoughts back: %s', (model, wants) => {
  expect(wantsThoughts(model)).toBe(wants);
});

it.each([
  ['mistral-large-latest', true],
  ['mistralai/Mistral-Small-3.2-24B-Instruct-2506', true],
  ['open-mixtral-8x22b', true],
  ['mistralai/devstral-2512', true],
  ['codestral-latest', true],
  ['ft:ministral-8b-latest:abc', true],
  ['gpt-5.6', false],
  ['magistrate', false],
])('%s takes the ids of calls that Mistral takes: %s', (model, takes) => {
  expect(takesMistralsCallIds(model)).toBe(takes);
});
