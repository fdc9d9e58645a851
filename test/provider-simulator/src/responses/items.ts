import { BadRequest } from '../checked-body.js';
import type { Memory } from '../memory.js';

const CALL_ID_LENGTH_MAX = 64;

const CALLS = new Set(['function_call', 'custom_tool_call']);
const OUTPUTS = new Set(['function_call_output', 'custom_tool_call_output']);

/**
 * Holds the items of an input to what OpenAI asks of them: each call has its output and each output its call, which may
 * be in the response that is continued; sealed thoughts are OpenAI's own.
 */
export function checkItems(
  items: readonly Record<string, unknown>[],
  previousCalls: ReadonlySet<string>,
  memory: Memory,
): void {
  const called = new Set<unknown>(previousCalls);
  const waiting = new Set<unknown>(previousCalls);
  for (const [i, item] of items.entries()) {
    const { type, call_id: callId, encrypted_content: sealed } = item;
    const isCall = CALLS.has(String(type));
    if (isCall || OUTPUTS.has(String(type))) checkCallId(callId, i);
    if (isCall) {
      called.add(callId);
      waiting.add(callId);
    } else if (OUTPUTS.has(String(type))) {
      if (!called.has(callId))
        throw new BadRequest(`No tool call found for function call output with call_id ${String(callId)}.`, 'input');
      waiting.delete(callId);
    } else if (type === 'reasoning' && typeof sealed === 'string' && !memory.knows(sealed))
      throw new BadRequest(
        'The encrypted content could not be verified. Reason: Encrypted content could not be decrypted or parsed.',
        null,
        'invalid_encrypted_content',
      );
  }
  if (waiting.size > 0)
    throw new BadRequest(`No tool output found for function call ${[...waiting].join(', ')}.`, 'input');
}

function checkCallId(callId: unknown, i: number): void {
  if (typeof callId !== 'string' || callId === '' || callId.length > CALL_ID_LENGTH_MAX)
    throw new BadRequest(
      `Invalid 'input[${i}].call_id': expected a string with a length of 1 to ${CALL_ID_LENGTH_MAX}.`,
      `input[${i}].call_id`,
      'invalid_value',
    );
}
