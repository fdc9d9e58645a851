import { fieldsOf, tokens, type Fields } from './report-fields.js';

/** Calls by the name of the tool. */
export type ToolCalls = Readonly<Record<string, number>>;

const NO_CALLS: ToolCalls = {};
const TOOL_NAME = /^[a-z][a-z0-9_]{0,63}$/;
/** More different tools are in no report. */
const TOOLS_MAX = 64;
/** Items of OpenAI's Responses that the caller's own program runs. */
const CALLERS_OWN: ReadonlySet<string> = new Set([
  'function_call',
  'custom_tool_call',
  'computer_call',
  'local_shell_call',
  'shell_call',
  'apply_patch_call',
  'tool_search_call',
]);

/**
 * The calls of tools that a usage report counts: Anthropic's `server_tool_use: {web_search_requests: 2}`, xAI's
 * `server_side_tool_usage_details: {web_search_calls: 2}`, Perplexity's `num_search_queries`.
 */
export function toolCallsIn(fields: Fields): ToolCalls {
  const used = fields['server_tool_use'] ?? fields['server_side_tool_usage_details'];
  const searches = tokens(fields['num_search_queries']) ?? 0;
  if (used === undefined && searches === 0) return NO_CALLS;
  const calls = new Map<string, number>();
  for (const [name, value] of Object.entries(fieldsOf(used))) {
    const tool = name.replace(/_(?:requests|calls)$/, '');
    const count = tokens(value) ?? 0;
    if (count > 0 && TOOL_NAME.test(tool) && calls.size < TOOLS_MAX) calls.set(tool, count);
  }
  if (searches > (calls.get('web_search') ?? 0)) calls.set('web_search', searches);
  return Object.fromEntries(calls);
}

/**
 * Counts the built-in tools that were called in the output items of OpenAI's Responses, by the name of the tool:
 * `web_search_call` is a call of `web_search`. Calls of the caller's own tools are not among them.
 */
export function toolCallsOfItems(items: unknown): ToolCalls {
  if (!Array.isArray(items)) return NO_CALLS;
  let calls: Map<string, number> | null = null;
  for (const item of items as readonly unknown[]) {
    const tool = toolOfItem(item);
    if (tool === null) continue;
    calls ??= new Map();
    if (calls.size < TOOLS_MAX || calls.has(tool)) calls.set(tool, (calls.get(tool) ?? 0) + 1);
  }
  return calls === null ? NO_CALLS : Object.fromEntries(calls);
}

/**
 * The built-in tool that an output item of OpenAI's Responses is a call of; null for any other item, and for a call of
 * `web_search` that opens a page or finds something in it: only searches have a fee. A call that does not say what it
 * does counts as a search.
 */
export function toolOfItem(item: unknown): string | null {
  const { type, action } = fieldsOf(item);
  if (type === 'web_search_call' && !isSearch(fieldsOf(action)['type'])) return null;
  if (typeof type !== 'string' || !type.endsWith('_call') || CALLERS_OWN.has(type)) return null;
  const tool = type.slice(0, -'_call'.length);
  return TOOL_NAME.test(tool) ? tool : null;
}

function isSearch(action: unknown): boolean {
  return typeof action !== 'string' || action === 'search';
}

/**
 * The name of a tool, by the type under which a request declares it: `web_search_20250305`, `web_search_2025_08_26` and
 * `web_search_preview` are all `web_search`, as its calls are counted.
 */
export function toolOfType(type: string): string {
  return type.replace(/_(?:preview|\d{8}|\d{4}_\d{2}_\d{2}).*$/, '');
}

/** The larger count of each tool. */
export function mergeToolCalls(a: ToolCalls, b: ToolCalls): ToolCalls {
  if (a === b || isEmpty(b)) return a;
  if (isEmpty(a)) return b;
  const merged = new Map(Object.entries(a));
  for (const [tool, count] of Object.entries(b)) merged.set(tool, Math.max(merged.get(tool) ?? 0, count));
  return Object.fromEntries(merged);
}

/** Whether there is no call. */
export function isEmpty(calls: ToolCalls): boolean {
  return Object.keys(calls).length === 0;
}
