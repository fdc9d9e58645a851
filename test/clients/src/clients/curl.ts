import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { canInstallPackages, findProgram, installPackage } from '@tollgate/infra';
import { IMAGE, SCHEMA, type Client, type Connected, type Place, type Said } from '../kit/client.js';
import { failedOf } from './sdk-errors.js';

/** What curl printed, and the status, which it prints last. */
interface Printed {
  readonly status: number;
  readonly text: string;
}

class CurlFailed extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

function connect({ url, secret, model }: Place): Connected {
  const post = (path: string, body: object) => {
    const authorization = `authorization: Bearer ${secret}`;
    const args = ['-H', 'content-type: application/json', '-H', authorization, '--data-binary', JSON.stringify(body)];
    return curl([...args, `${url}/v1${path}`]);
  };
  const chat = async (content: unknown, more: object = {}) =>
    saidOf((await post('/chat/completions', { model, messages: [{ role: 'user', content }], ...more })).text);
  return {
    plain: (prompt) => chat(prompt),
    streamed: async (prompt) => {
      const body = { model, messages: [{ role: 'user', content: prompt }], stream: true };
      return saidInStream((await post('/chat/completions', { ...body, stream_options: { include_usage: true } })).text);
    },
    image: (text) =>
      chat([
        { type: 'text', text },
        { type: 'image_url', image_url: { url: `data:image/png;base64,${IMAGE}` } },
      ]),
    structured: async (prompt) => {
      const format = { type: 'json_schema', json_schema: { name: 'weather', strict: true, schema: SCHEMA } };
      return JSON.parse((await chat(prompt, { response_format: format })).text) as unknown;
    },
    embeddings: async (input) => {
      const { text } = await post('/embeddings', { model: 'vectors', input });
      return (JSON.parse(text) as { data: { embedding: number[] }[] }).data.map(({ embedding }) => embedding);
    },
    models: async () => {
      const { text } = await curl(['-H', `authorization: Bearer ${secret}`, `${url}/v1/models`]);
      return (JSON.parse(text) as { data: { id: string }[] }).data.map(({ id }) => id);
    },
    failed: failedOf,
  };
}

let program: Promise<string> | undefined;

/** The program, installed where it is missing and can be. */
async function curlProgram(): Promise<string> {
  const found = findProgram('curl');
  if (found !== undefined) return found;
  if (canInstallPackages()) await installPackage('curl');
  const installed = findProgram('curl');
  if (installed === undefined) throw new Error('curl is missing. Install it (Debian: apt-get install curl).');
  return installed;
}

/** Runs curl; rejects with a `CurlFailed` if the status is an error. */
async function curl(args: readonly string[]): Promise<Printed> {
  const child = spawn(await (program ??= curlProgram()), ['-sS', '-N', '-w', '\n%{http_code}', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`curl ended with code ${code}: ${errors}`);
  const at = out.lastIndexOf('\n');
  const printed = { status: Number(out.slice(at + 1)), text: out.slice(0, at) };
  if (printed.status >= 400) throw new CurlFailed(printed.status, printed.text);
  return printed;
}

interface Chat {
  readonly choices: { message?: { content: string }; delta?: { content?: string } }[];
  readonly usage?: { prompt_tokens: number; completion_tokens: number } | null;
}

function saidOf(json: string): Said {
  const { choices, usage } = JSON.parse(json) as Chat;
  return {
    text: choices[0]?.message?.content ?? '',
    pieces: 1,
    inputTokens: usage?.prompt_tokens,
    outputTokens: usage?.completion_tokens,
  };
}

function saidInStream(stream: string): Said {
  const chunks = stream
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice('data: '.length)) as Chat);
  const texts = chunks.flatMap(({ choices }) => choices[0]?.delta?.content || []);
  const usage = chunks.at(-1)?.usage;
  return {
    text: texts.join(''),
    pieces: texts.length,
    inputTokens: usage?.prompt_tokens,
    outputTokens: usage?.completion_tokens,
  };
}

export const curlChat: Client = { name: 'curl', speaks: '/v1/chat/completions', retries: false, connect };
