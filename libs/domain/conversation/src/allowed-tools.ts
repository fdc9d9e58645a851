import type { Tool, ToolChoice } from './conversation.js';

/** What the model may call, and must. */
export interface ReadChoice {
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice | null;
}

/**
 * The declared tools of these names; null if a name is not declared. No dialect but OpenAI's has a list of allowed
 * tools, so that the others are not declared at all: the model can then call no other tool, as it was asked.
 */
export function onlyAllowed(tools: readonly Tool[], names: readonly string[]): readonly Tool[] | null {
  const allowed = new Set(names);
  const declared = new Set(tools.map(({ name }) => name));
  return names.every((name) => declared.has(name)) ? tools.filter(({ name }) => allowed.has(name)) : null;
}
