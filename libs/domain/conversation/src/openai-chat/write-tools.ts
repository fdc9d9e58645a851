import type { Conversation, Tool, ToolChoice } from '../conversation.js';
import { functionOfCustom } from '../custom-tools.js';
import type { Fault, JsonObject, WriteContext } from '../dialect-codec.js';
import { fault } from '../fault.js';
import type { ToolNames } from '../names.js';
import { parametersFor, strictFor } from '../openai-schemas.js';

type CallersTool = Exclude<Tool, { kind: 'builtin' }>;

/**
 * `tools`, `tool_choice` and `parallel_tool_calls`. A tool that only another provider runs is left out, by its name,
 * unless the model must call one of them: then that is a fault.
 */
export function writeTools(
  { tools, toolChoice, parallelToolCalls }: Conversation,
  names: ToolNames,
  leftOut: Set<string>,
  context: WriteContext,
): JsonObject | Fault {
  const callers = tools.filter((tool) => tool.kind !== 'builtin');
  if (isForcedElsewhere(toolChoice, callers))
    return fault(context.fieldOf('tool_choice'), "The model's provider cannot run the tool that must be called.");
  for (const tool of tools) if (tool.kind === 'builtin') leftOut.add(tool.name);
  if (callers.length === 0) return {};
  const native = context.customTools === true;
  const field = `${context.fieldOf('tools')}[]`;
  return {
    tools: callers.map((tool) => writeTool(tool, { native, names, field, leftOut })),
    ...(toolChoice === null ? {} : { tool_choice: writeChoice(toolChoice, callers, native, names) }),
    ...(parallelToolCalls === null ? {} : { parallel_tool_calls: parallelToolCalls }),
  };
}

function isForcedElsewhere(choice: ToolChoice | null, callers: readonly CallersTool[]): boolean {
  if (choice?.kind === 'tool') return !callers.some(({ name }) => name === choice.name);
  return choice?.kind === 'required' && callers.length === 0;
}

interface ToolContext {
  /** Whether the provider takes custom tools. */
  readonly native: boolean;
  readonly names: ToolNames;
  /** The caller's field of one tool. */
  readonly field: string;
  readonly leftOut: Set<string>;
}

function writeTool(tool: CallersTool, { native, names, field, leftOut }: ToolContext): JsonObject {
  const head = (described: CallersTool): JsonObject => ({
    name: names.sent(tool.name),
    ...(described.description === null ? {} : { description: described.description }),
  });
  if (tool.kind === 'custom' && native)
    return {
      type: 'custom',
      custom: { ...head(tool), ...(tool.format === null ? {} : { format: nested(tool.format) }) },
    };
  const called = tool.kind === 'custom' ? functionOfCustom(tool) : tool;
  const parameters = parametersFor(called.parameters);
  const strict = strictFor({ strict: called.strict, schema: parameters, field }, leftOut);
  return {
    type: 'function',
    function: {
      ...head(called),
      parameters,
      ...(strict === null ? {} : { strict }),
    },
  };
}

/** A grammar stands in an object of its own in chat. */
function nested({ type, ...grammar }: JsonObject): JsonObject {
  return type === 'grammar' ? { type, grammar } : { type, ...grammar };
}

function writeChoice(choice: ToolChoice, callers: readonly CallersTool[], native: boolean, names: ToolNames): unknown {
  if (choice.kind !== 'tool') return choice.kind;
  const isCustom = callers.some(({ kind, name }) => kind === 'custom' && name === choice.name);
  const type = native && isCustom ? 'custom' : 'function';
  return { type, [type]: { name: names.sent(choice.name) } };
}
