import { toolOfCount, toolOfItem, type ToolName } from './built-in-tools.js';
import { fieldsOf, tokens, type Fields } from './report-fields.js';

/** Calls by the name of the tool, as `built-in-tools.ts` makes it. */
export type ToolCalls = Readonly<Record<string, number>>;

const NO_CALLS: ToolCalls = {};
/** More different tools are in no report. */
const TOOLS_MAX = 64;

/**
 * The calls of tools that a usage report counts: Anthropic's `server_tool_use: {web_search_requests: 2}`, xAI's
 * `server_side_tool_usage_details: {web_search_calls: 2}`, Perplexity's `num_search_queries`.
 */
export function toolCallsIn(fields: Fields): ToolCalls {
  const used = fields['server_tool_use'] ?? fields['server_side_tool_usage_details'];
  const searches = tokens(fields['num_search_queries']) ?? 0;
  if (used === undefined && searches === 0) return NO_CALLS;
  const calls = new CallCount();
  for (const [name, value] of Object.entries(fieldsOf(used))) calls.add(toolOfCount(name), tokens(value) ?? 0);
  calls.atLeast(WEB_SEARCH, searches);
  return calls.made();
}

const WEB_SEARCH = toolOfCount('web_search');

/** Counts the tools of the provider that were called in the output items of OpenAI's Responses. */
export function toolCallsOfItems(items: unknown): ToolCalls {
  if (!Array.isArray(items)) return NO_CALLS;
  let calls: CallCount | null = null;
  for (const item of items as readonly unknown[]) {
    const tool = toolOfItem(item);
    if (tool !== null) (calls ??= new CallCount()).add(tool, 1);
  }
  return calls === null ? NO_CALLS : calls.made();
}

/** Counts calls by tool. */
export class CallCount {
  readonly #calls = new Map<ToolName, number>();

  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  /** Adds calls of a tool; null is no tool. Tools beyond the 64th are left out. */
  add(tool: ToolName | null, calls: number): void {
    if (tool === null || calls === 0) return;
    const before = this.#calls.get(tool);
    if (before !== undefined || this.#calls.size < TOOLS_MAX) this.#calls.set(tool, (before ?? 0) + calls);
  }

  /** Raises the calls of a tool to a number that another field reports. */
  atLeast(tool: ToolName | null, calls: number): void {
    if (tool !== null) this.add(tool, Math.max(calls - (this.#calls.get(tool) ?? 0), 0));
  }

  made(): ToolCalls {
    return Object.fromEntries(this.#calls);
  }
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
