import type { Tool } from './conversation.js';
import { CustomInput } from './custom-input.js';

type CustomTool = Extract<Tool, { kind: 'custom' }>;
type FunctionTool = Extract<Tool, { kind: 'function' }>;

/** The schema of the function that stands for a custom tool: its input is one text. */
const PARAMETERS = {
  type: 'object',
  properties: { input: { type: 'string', description: 'The whole input of the tool, as text.' } },
  required: ['input'],
  additionalProperties: false,
};

/** The function that stands for a custom tool where the target has only functions. */
export function functionOfCustom(tool: CustomTool): FunctionTool {
  const form = formOf(tool.format);
  const said = [tool.description, form].filter((text) => text !== null);
  return {
    kind: 'function',
    name: tool.name,
    description: said.length === 0 ? null : said.join('\n\n'),
    parameters: PARAMETERS,
    strict: null,
  };
}

/** The arguments of the function that stands for a custom tool. */
export function wrapInput(input: string): string {
  return JSON.stringify({ input });
}

/** The input of a custom tool in the arguments of its function; the arguments themselves if they have another form. */
export function unwrapInput(args: string): string {
  const input = new CustomInput();
  return input.take(args) + input.end();
}

function formOf(format: CustomTool['format']): string | null {
  if (format === null || format['type'] !== 'grammar' || typeof format['definition'] !== 'string') return null;
  const syntax = typeof format['syntax'] === 'string' ? format['syntax'] : 'formal';
  return `The input follows this ${syntax} grammar:\n${format['definition']}`;
}
