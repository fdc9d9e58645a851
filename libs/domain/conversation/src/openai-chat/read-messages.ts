import type {
  AssistantPart,
  RefusalPart,
  TextPart,
  ThinkingPart,
  ToolCallPart,
  ToolResult,
  Turn,
} from '../conversation.js';
import type { JsonObject } from '../dialect-codec.js';
import { writeJson } from '../exact-json.js';
import type { FieldReader } from '../field-reader.js';
import { isBlank, isObject, parseObject } from '../fields.js';
import { readEach, readNested } from '../nested-fields.js';
import { CALL_FIELDS, MESSAGE_FIELDS, NOT_CARRIED } from './known-fields.js';
import { ASSISTANT_PARTS, readContent, SYSTEM_PARTS, TOOL_PARTS, USER_PARTS } from './read-content.js';
import { readThoughts } from './read-thoughts.js';

const ROLES = ['system', 'developer', 'user', 'assistant', 'tool'] as const;

/** The turns of a request. Results of tools that follow each other are one turn. */
export function readMessages(request: FieldReader): readonly Turn[] {
  const reader = new MessagesReader();
  readEach(request, 'messages', (fields, object) => reader.read(fields, object));
  if (reader.turns.length === 0) request.refuse('messages', 'messages must be a list that is not empty.');
  return reader.turns;
}

class MessagesReader {
  readonly turns: Turn[] = [];
  /** The calls so far, by id: whether each is one of a custom tool. */
  private readonly customs = new Map<string, boolean>();

  read(message: FieldReader, object: JsonObject): null {
    const role = message.oneOf('role', ROLES);
    switch (role) {
      case 'system':
      case 'developer':
        message.only(MESSAGE_FIELDS.system, NOT_CARRIED);
        this.add({ role: 'system', parts: readContent(message, object, SYSTEM_PARTS) });
        break;
      case 'user':
        message.only(MESSAGE_FIELDS.user, NOT_CARRIED);
        this.add({ role: 'user', parts: readContent(message, object, USER_PARTS) });
        break;
      case 'assistant':
        message.only(MESSAGE_FIELDS.assistant, NOT_CARRIED);
        this.add({ role: 'assistant', parts: this.assistantParts(message, object) });
        break;
      case 'tool':
        message.only(MESSAGE_FIELDS.tool, NOT_CARRIED);
        this.addResult(this.result(message, object));
        break;
      case null:
        message.refuse('role', `${message.pathOf('role')} must be one of ${ROLES.join(', ')}.`);
        break;
      default:
        return role satisfies never;
    }
    return null;
  }

  private add(turn: Exclude<Turn, { role: 'tool' }>): void {
    if (turn.parts.length > 0) this.turns.push(turn);
  }

  private addResult(result: ToolResult): void {
    const last = this.turns.at(-1);
    if (last?.role === 'tool') (last.results as ToolResult[]).push(result);
    else this.turns.push({ role: 'tool', results: [result] });
  }

  private assistantParts(message: FieldReader, object: JsonObject): readonly AssistantPart[] {
    if (object['audio'] !== null && object['audio'] !== undefined)
      message.refuse('audio', 'Spoken answers of before cannot be carried to this model.');
    if (object['function_call'] !== null && object['function_call'] !== undefined)
      message.refuse('function_call', 'Calls must stand in `tool_calls`.');
    const refusal = message.text('refusal') ?? '';
    const parts = readContent<TextPart | RefusalPart | ThinkingPart>(message, object, ASSISTANT_PARTS);
    return [
      ...readThoughts(object),
      ...parts,
      ...(refusal === '' ? [] : [{ kind: 'refusal' as const, text: refusal }]),
      ...readEach(message, 'tool_calls', (fields, call) => this.call(fields, call)),
    ];
  }

  private call(fields: FieldReader, object: JsonObject): ToolCallPart {
    fields.only(CALL_FIELDS, NOT_CARRIED);
    const custom = fields.oneOf('type', ['function', 'custom'] as const) === 'custom';
    const id = fields.text('id') ?? '';
    this.customs.set(id, custom);
    const call = custom
      ? readNested(fields, 'custom', object['custom'], (called) => [
          called.text('name') ?? '',
          called.text('input') ?? '',
        ])
      : readNested(fields, 'function', object['function'], readFunction);
    const [name = '', input = ''] = call ?? [];
    if (name === '') fields.refuse(custom ? 'custom.name' : 'function.name', 'The name of the tool is missing.');
    return { kind: 'tool_call', id, name, input, custom };
  }

  private result(message: FieldReader, object: JsonObject): ToolResult {
    const callId = message.text('tool_call_id') ?? '';
    const custom = this.customs.get(callId);
    if (custom === undefined)
      message.refuse('tool_call_id', `${message.pathOf('tool_call_id')} must be the id of a call before it.`);
    const parts = readContent<ToolResult['parts'][number]>(message, object, TOOL_PARTS);
    return { callId, parts, isError: false, custom: custom === true };
  }
}

/** Name and arguments: JSON of an object, `{}` if there are none. Some clients send the object itself. */
function readFunction(fields: FieldReader, { arguments: args }: JsonObject): [name: string, input: string] {
  const name = fields.text('name') ?? '';
  if (isObject(args)) return [name, writeJson(args)];
  const text = fields.text('arguments') ?? '';
  if (isBlank(text)) return [name, '{}'];
  if (parseObject(text) === null)
    fields.refuse('arguments', `${fields.pathOf('arguments')} must be JSON of an object.`);
  return [name, text];
}
