import { isObject } from '../body-object.js';
import { BadRequest } from '../checked-body.js';

/**
 * Holds the turns of a chat to what OpenAI asks of them: the results of all calls follow at once, and are text. Turns
 * without a role are let through: load tests send them.
 */
export function checkTurns(messages: readonly unknown[]): void {
  let waiting = new Set<unknown>();
  for (const [i, message] of messages.entries()) {
    if (!isObject(message)) throw new BadRequest(`Invalid type for 'messages[${i}]': expected an object.`, 'messages');
    if (message['role'] === 'tool') {
      if (!waiting.delete(message['tool_call_id']))
        throw new BadRequest(
          `Invalid parameter: messages[${i}] with role 'tool' must be a response to a preceeding message with 'tool_calls'.`,
          `messages.[${i}].role`,
        );
      checkResult(message['content'], i);
      continue;
    }
    if (waiting.size > 0)
      throw new BadRequest(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
          `The following tool_call_ids did not have response messages: ${[...waiting].join(', ')}`,
        `messages.[${i}].role`,
      );
    waiting = new Set(callsIn(message).map((call) => (isObject(call) ? call['id'] : undefined)));
  }
  if (waiting.size > 0)
    throw new BadRequest(
      "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.",
      `messages.[${messages.length}].role`,
    );
}

function callsIn(message: Record<string, unknown>): readonly unknown[] {
  const calls = message['role'] === 'assistant' ? message['tool_calls'] : undefined;
  return Array.isArray(calls) ? calls : [];
}

function checkResult(content: unknown, i: number): void {
  const parts: unknown[] = Array.isArray(content) ? content : [];
  if (parts.some((part) => !isObject(part) || part['type'] !== 'text'))
    throw new BadRequest(
      `Invalid 'messages[${i}].content': a tool message takes parts of type 'text' only.`,
      `messages[${i}].content`,
      'invalid_value',
    );
}
