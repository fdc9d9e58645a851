import { fieldsOf } from './report-fields.js';

/**
 * The name of a tool that a provider runs: the one under which its fee is priced, held and charged. Only the functions
 * of this file make such names, so a fee cannot be held under one name and charged under another.
 */
export type ToolName = string & { readonly isToolName: true };

/** A tool that a provider runs, with all that it is called. */
interface BuiltInTool {
  readonly name: string;
  /** Types by which requests declare it, besides its name, without a version. */
  readonly declaredAs?: readonly string[];
  /** The type of the items of Responses that are its calls, if that is not its name with `_call`. */
  readonly item?: string;
  /** Names by which reports of usage count its calls, besides its name, without `_requests` and `_calls`. */
  readonly countedAs?: readonly string[];
  /**
   * True if no provider charges for its calls: without a price they are free. Calls of any other tool without a price
   * may have a fee that nobody knows.
   */
  readonly isFree?: boolean;
}

/**
 * The tools that providers run, as of November 2026: OpenAI's Responses and chat, Anthropic's Messages, xAI, Perplexity
 * and OpenRouter. A tool that is not listed has the name that the provider gives it, without a version.
 */
export const BUILT_IN_TOOLS: readonly BuiltInTool[] = [
  { name: 'web_search', declaredAs: ['web_search_options'] },
  { name: 'x_search' },
  // Anthropic charges for what it fetches as input alone.
  { name: 'web_fetch', isFree: true },
  { name: 'file_search', declaredAs: ['collections_search'], countedAs: ['collections_search'] },
  { name: 'attachment_search', countedAs: ['document_search'] },
  { name: 'code_interpreter', declaredAs: ['code_execution'], countedAs: ['code_execution'] },
  { name: 'shell' },
  { name: 'image_generation' },
  { name: 'mcp' },
  { name: 'programmatic_tool_calling', item: 'program' },
  // Anthropic has one for each way of searching. Like OpenAI, it charges for what is found as input alone.
  {
    name: 'tool_search',
    declaredAs: ['tool_search_tool_regex', 'tool_search_tool_bm25'],
    isFree: true,
  },
];

/** What follows the name of a tool in the type that declares it: the date of a version, or that it is a preview. */
const VERSION = /_(?:preview|\d{8}|\d{4}_\d{2}_\d{2}).*$/;
/** What follows the name of a tool in the field that counts its calls. */
const COUNT = /_(?:requests|calls)$/;
/** What follows the name of a tool in the type of an item of Responses. */
const ITEM = /_call$/;
const TOOL_NAME = /^[a-z][a-z0-9_]{0,63}$/;

const DECLARED = namesBy(({ declaredAs }) => declaredAs);
const COUNTED = namesBy(({ countedAs }) => countedAs);
const CALLED = namesBy(({ item }) => (item === undefined ? [] : [item]));
const FREE: ReadonlySet<string> = new Set(BUILT_IN_TOOLS.filter(({ isFree }) => isFree === true).map(nameOf));
/** Items of Responses that the caller's own program runs, or that are no call. */
const CALLERS_OWN: ReadonlySet<string> = new Set([
  'function_call',
  'custom_tool_call',
  'computer_call',
  'local_shell_call',
  'apply_patch_call',
]);

/**
 * The tool that a request declares by this type: `web_search_20250305`, `web_search_2025_08_26`, `web_search_preview`
 * and the field `web_search_options` of a chat are all `web_search`. It is also the tool of a price in the
 * configuration, which may have any of these names.
 */
export function toolOfType(type: string): ToolName {
  const name = type.replace(VERSION, '');
  return (DECLARED.get(name) ?? name) as ToolName;
}

/** The tool whose calls a report of usage counts in this field: `web_search_requests` are calls of `web_search`. */
export function toolOfCount(field: string): ToolName | null {
  const name = field.replace(COUNT, '');
  return TOOL_NAME.test(name) ? ((COUNTED.get(name) ?? name) as ToolName) : null;
}

/**
 * The tool that an output item of Responses is a call of. Null for any other item, for a call that the caller's own
 * program runs, and for a call of `web_search` that opens a page or finds something in it: only searches have a fee. A
 * call that does not say what it does counts as a search. A shell is the caller's unless the item names a container,
 * and a search for tools unless it says `server`.
 */
export function toolOfItem(item: unknown): ToolName | null {
  const { type, action, environment, execution } = fieldsOf(item);
  if (typeof type !== 'string') return null;
  const called = CALLED.get(type);
  if (called !== undefined) return called as ToolName;
  if (!ITEM.test(type) || CALLERS_OWN.has(type)) return null;
  if (type === 'web_search_call' && !isSearch(fieldsOf(action)['type'])) return null;
  if (type === 'shell_call' && !isHosted(fieldsOf(environment)['type'])) return null;
  if (type === 'tool_search_call' && execution !== 'server') return null;
  const name = type.replace(ITEM, '');
  return TOOL_NAME.test(name) ? toolOfType(name) : null;
}

/** Whether calls of a tool are known to have no fee beside their tokens, so that they need no price. */
export function isFreeTool(tool: ToolName): boolean {
  return FREE.has(tool);
}

function isSearch(action: unknown): boolean {
  return typeof action !== 'string' || action === 'search';
}

function isHosted(environment: unknown): boolean {
  return typeof environment === 'string' && environment !== 'local';
}

function namesBy(aliases: (tool: BuiltInTool) => readonly string[] | undefined): ReadonlyMap<string, string> {
  return new Map(BUILT_IN_TOOLS.flatMap((tool) => (aliases(tool) ?? []).map((alias) => [alias, tool.name] as const)));
}

function nameOf({ name }: BuiltInTool): string {
  return name;
}
