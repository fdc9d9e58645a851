import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { pythonWith } from '@tollgate/infra';
import {
  IMAGE,
  RESULT,
  SCHEMA,
  TOOLS,
  type Called,
  type Client,
  type Failed,
  type Place,
  type Said,
} from '../kit/client.js';

const own = (file: string) => fileURLToPath(new URL(`../../python/${file}`, import.meta.url));

type Answer = { readonly id: number } & ({ readonly result: unknown } | { readonly error: Failed });

/** What an SDK of Python's raised. */
class PythonError extends Error {
  constructor(readonly failed: Failed) {
    super(failed.message);
  }
}

/** One process for all clients of a worker: to import their packages takes seconds. It ends with us. */
class Python {
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private last = 0;

  private constructor(private readonly child: ChildProcessByStdio<Writable, Readable, null>) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const answer = JSON.parse(line) as Answer;
      this.waiting.get(answer.id)?.(answer);
      this.waiting.delete(answer.id);
    });
    child.once('exit', (code) => {
      const error = {
        status: undefined,
        message: `Python ended with code ${code}; its words are in the test's output`,
      };
      for (const [id, answered] of this.waiting) answered({ id, error });
    });
    this.write({ tools: TOOLS, image: IMAGE, schema: SCHEMA, result: RESULT });
  }

  static async start(): Promise<Python> {
    const { python, packages } = await pythonWith(own('requirements.txt'));
    const env = { PATH: process.env['PATH'], PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '' };
    const child = spawn(python, [own('clients.py')], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    // The process of the tests may end while it runs.
    child.unref();
    return new Python(child);
  }

  async ask<T>(client: string, place: Place, capability: string, argument: unknown): Promise<T> {
    const id = ++this.last;
    const answered = new Promise<Answer>((resolve) => this.waiting.set(id, resolve));
    this.write({ id, client, ...place, capability, argument });
    const answer = await answered;
    if ('error' in answer) throw new PythonError(answer.error);
    return answer.result as T;
  }

  private write(value: object): void {
    this.child.stdin.write(`${JSON.stringify(value)}\n`);
  }
}

let started: Promise<Python> | undefined;

interface PythonClient {
  /** Its name in `clients.py`. */
  readonly name: string;
  readonly speaks: Client['speaks'];
  readonly embeds?: boolean;
  readonly listsModels?: boolean;
  /** Whether it asks for JSON by a schema of models whose names it does not know. */
  readonly structures?: 'all' | 'known models';
}

function pythonClient({ name, speaks, embeds, listsModels, structures = 'all' }: PythonClient): Client {
  return {
    name: `PyPI ${name}`,
    speaks,
    retries: true,
    connect: async (place) => {
      const python = await (started ??= Python.start());
      const ask = <T>(capability: string) => {
        return (argument?: unknown): Promise<T> => python.ask<T>(name, place, capability, argument ?? null);
      };
      return {
        plain: ask<Said>('plain'),
        streamed: ask<Said>('streamed'),
        tools: ask<{ calls: Called[]; said: Said }>('tools_used'),
        image: ask<Said>('image'),
        ...((structures === 'all' || place.model.startsWith('claude')) && { structured: ask('structured') }),
        ...(embeds === true && { embeddings: ask<number[][]>('embeddings') }),
        ...(listsModels === true && { models: () => ask<string[]>('models')() }),
        cancelled: ask<void>('cancelled'),
        failed: (error) =>
          error instanceof PythonError ? error.failed : { status: undefined, message: String(error) },
      };
    },
  };
}

export const PYTHON_CLIENTS: readonly Client[] = [
  pythonClient({ name: 'openai', speaks: '/v1/chat/completions', embeds: true, listsModels: true }),
  pythonClient({ name: 'anthropic', speaks: '/v1/messages', listsModels: true }),
  pythonClient({ name: 'pydantic-ai, openai', speaks: '/v1/chat/completions' }),
  pythonClient({ name: 'pydantic-ai, anthropic', speaks: '/v1/messages', structures: 'known models' }),
];
