import type { ProviderSimulator } from './server.js';

/** One `data:` event of a stream, parsed; `[DONE]` stays text. */
export type StreamEvent =
  | '[DONE]'
  | {
      choices: { index: number; delta: { role?: string; content?: string }; finish_reason: string | null }[];
      usage?: unknown;
    };

/** For specs: sends a chat completion request; `fields` are laid over a small valid body. */
export function callChat(simulator: ProviderSimulator, fields: object = {}, init: RequestInit = {}): Promise<Response> {
  const body = JSON.stringify({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hi' }], ...fields });
  return fetch(`${simulator.baseUrl}/chat/completions`, {
    method: 'POST',
    body,
    ...init,
    headers: { 'content-type': 'application/json', ...(init.headers as Record<string, string> | undefined) },
  });
}

/**
 * For specs: the events of a whole stream, in the order of their bytes. Throws on anything that is no `data:` event.
 */
export async function readEvents(response: Response): Promise<StreamEvent[]> {
  const frames = (await response.text()).split('\n\n');
  if (frames.pop() !== '') throw new Error('the stream does not end with an empty line');
  return frames.map((frame) => {
    if (!frame.startsWith('data: ')) throw new Error(`not a data event: ${frame}`);
    const data = frame.slice('data: '.length);
    return data === '[DONE]' ? data : (JSON.parse(data) as StreamEvent);
  });
}

/** For specs: calls a control endpoint and returns its JSON. */
export async function control(
  simulator: ProviderSimulator,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; json: Record<string, unknown> }> {
  const response = await fetch(`${simulator.url}/simulator/${path}`, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

/** For specs: posts a body as JSON to a path of the simulator. */
export function post(
  simulator: ProviderSimulator,
  path: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${simulator.url}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
}

/** For specs: the named events of a whole stream. Throws on one whose name is not the `type` in its data. */
export async function readNamedEvents(response: Response): Promise<({ type: string } & Record<string, unknown>)[]> {
  const frames = (await response.text()).split('\n\n');
  if (frames.pop() !== '') throw new Error('the stream does not end with an empty line');
  return frames.map((frame) => {
    const [, name, data = ''] = /^event: (\S+)\ndata: (.*)$/.exec(frame) ?? [];
    const event = JSON.parse(data) as { type: string } & Record<string, unknown>;
    if (event.type !== name) throw new Error(`not a named event: ${frame}`);
    return event;
  });
}
