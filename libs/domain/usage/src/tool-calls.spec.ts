import { expect, it } from 'vitest';
import { toolCallsOfItems, toolOfItem } from './tool-calls.js';

it.each<[string, object, string | null]>([
  ['a search', { action: { type: 'search', query: 'q' } }, 'web_search'],
  ['a page that is opened', { action: { type: 'open_page', url: 'https://a.example' } }, null],
  ['a text that is looked for in a page', { action: { type: 'find_in_page', pattern: 'p' } }, null],
  ['no action', {}, 'web_search'],
  ['null', { action: null }, 'web_search'],
  ['an action without a type', { action: {} }, 'web_search'],
])('counts a call of web_search only if it searches: %s', (_what, fields, tool) => {
  expect(toolOfItem({ type: 'web_search_call', ...fields })).toBe(tool);
  expect(toolCallsOfItems([{ type: 'web_search_call', ...fields }])).toEqual(tool === null ? {} : { [tool]: 1 });
});

it('counts the calls of other tools whatever they do', () => {
  expect(toolOfItem({ type: 'code_interpreter_call', action: { type: 'open_page' } })).toBe('code_interpreter');
});
