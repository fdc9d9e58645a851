import { isObject } from '../body-object.js';
import { BadRequest } from '../checked-body.js';
import type { Memory } from '../memory.js';

/** Whether a model is one of Google's, which sign the first call of each answer and want it back with its signature. */
export function signsCalls(model: string): boolean {
  return /(?:^|\/)gemini-/.test(model);
}

/** The signature of an answer's first call, as Google's server for OpenAI's dialect gives it. */
export function signatureOf(callId: string, memory: Memory): object {
  return { extra_content: { google: { thought_signature: memory.seal(callId) } } };
}

/**
 * Holds the turns since the last one of the user to what Gemini 3 asks of them: the first call of each turn of the
 * assistant has its signature. No signature may be another's, anywhere.
 */
export function checkSignatures(messages: readonly unknown[], memory: Memory): void {
  const turns = messages.map((message) => (isObject(message) ? message : {}));
  const lastOfUser = turns.findLastIndex(({ role }) => role === 'user');
  for (const [at, turn] of turns.entries()) {
    const calls = Array.isArray(turn['tool_calls']) ? (turn['tool_calls'] as unknown[]) : [];
    for (const [call, given] of calls.entries()) {
      const signature = signatureIn(given);
      if (signature !== undefined && !memory.knows(signature)) throw new BadRequest('Corrupted thought signature.');
      if (signature === undefined && call === 0 && at > lastOfUser)
        throw new BadRequest(
          'Function call is missing a thought_signature in functionCall parts. This is required for tools to work ' +
            `correctly. Additional data, position ${at + 1}.`,
        );
    }
  }
}

function signatureIn(call: unknown): unknown {
  const extra = isObject(call) ? call['extra_content'] : undefined;
  const google = isObject(extra) ? extra['google'] : undefined;
  return isObject(google) ? google['thought_signature'] : undefined;
}
