import type { Recorded } from './recorder.js';

/** Headers that say something of the machine or of one call, and nothing of the client. */
const OF_THE_MACHINE = new Set([
  'host',
  'connection',
  'user-agent',
  'content-length',
  'traceparent',
  'accept-encoding',
]);
const OF_THE_MACHINE_TOO = /^x-stainless-(?:os|arch|runtime|runtime-version)$/;

/**
 * What a client sent, as JSON: the body is the text that it sent, byte for byte; the secret is replaced. It is the same
 * on every machine.
 */
export function transcriptOf({ method, path, headers, body }: Recorded, secret: string): string {
  const shown = Object.entries(headers).filter(([name]) => !OF_THE_MACHINE.has(name) && !OF_THE_MACHINE_TOO.test(name));
  const sorted = Object.fromEntries(shown.sort(([a], [b]) => (a < b ? -1 : 1)));
  const transcript = { method, path, headers: sorted, body: body.toString('utf8') };
  return `${JSON.stringify(transcript, null, 2).replaceAll(secret, 'SECRET')}\n`;
}
