import { describe, expect, it } from 'vitest';
import { toolOfItem, toolOfType } from './built-in-tools.js';
import { CallCount, toolCallsIn, toolCallsOfItems } from './tool-calls.js';

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

describe('a call of a tool', () => {
  it.each<[string, object, string | null]>([
    ['in a container of the provider', { type: 'shell_call', environment: { type: 'container_reference' } }, 'shell'],
    ['in a shell of the caller', { type: 'shell_call', environment: { type: 'local' } }, null],
    ['in a shell that is not told', { type: 'shell_call', environment: null }, null],
    ['for tools at the provider', { type: 'tool_search_call', execution: 'server' }, 'tool_search'],
    ['for tools at the caller', { type: 'tool_search_call', execution: 'client' }, null],
    ['of a function', { type: 'function_call' }, null],
    ['of a tool of the caller', { type: 'apply_patch_call' }, null],
    ['of a tool that nobody knows', { type: 'teleport_call' }, 'teleport'],
    ['with an odd name', { type: 'Telep\u0000rt_call' }, null],
    ['that is a result', { type: 'shell_call_output' }, null],
  ])('is charged to whom it runs for: %s', (_what, item, tool) => {
    expect(toolOfItem(item)).toBe(tool);
  });
  it('counts under the name of its tool, whatever the report calls it', () => {
    expect(
      toolCallsIn({ server_side_tool_usage_details: { code_execution_calls: 2, code_interpreter_calls: 1, 'x y': 3 } }),
    ).toEqual({ code_interpreter: 3 });
    expect(toolCallsIn({ server_tool_use: { web_search_requests: 1 }, num_search_queries: 4 })).toEqual({
      web_search: 4,
    });
    expect(toolCallsIn({ num_search_queries: 4 })).toEqual({ web_search: 4 });
  });
  it('is of one of 64 tools at most', () => {
    const calls = new CallCount();
    for (let at = 0; at < 100; at++) calls.add(toolOfType(`t${at}`), 1);
    calls.add(toolOfType('t0'), 1);
    calls.add(null, 1);
    expect(Object.keys(calls.made())).toHaveLength(64);
    expect(calls.made()).toMatchObject({ t0: 2 });
  });
});
