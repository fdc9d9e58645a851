import type { Finish } from './answer.js';

/**
 * Why an answer ended, told by what is in it: an answer with calls waits for their results even if the server says
 * `stop` (Ollama does), and one without calls waits for nothing.
 */
export function finishOf(told: Finish, hasCalls: boolean): Finish {
  if (told.reason === 'stop' && hasCalls) return { ...told, reason: 'tool_calls' };
  if (told.reason === 'tool_calls' && !hasCalls) return { ...told, reason: 'stop' };
  return told;
}
