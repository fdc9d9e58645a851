import { spawn } from 'node:child_process';

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** What it reads from standard input; default: nothing. */
  readonly input?: string;
  /** Milliseconds before it is killed. Default 120,000. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end. Rejects only where it cannot be executed; one that was killed has the code null. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { env, cwd, input, timeoutMs = 120_000 } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'], timeout: timeoutMs });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
    // A program that ends before it has read everything breaks the pipe; its exit code says how it went.
    child.stdin.on('error', () => undefined).end(input);
  });
}

/** Runs a program that has to succeed, and gives its standard output, trimmed. Rejects with the last it said. */
export async function output(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const ran = await run(command, args, options);
  if (ran.code === 0) return ran.stdout.trim();
  const how = ran.code === null ? 'took too long or was killed' : `exited with code ${ran.code}`;
  throw new Error(`${command} ${args.slice(0, 6).join(' ')} ${how}:\n${lastWords(ran)}`);
}

/** The end of what a program said, errors last. */
export function lastWords({ stdout, stderr }: Ran): string {
  return `${stdout.slice(-1_500)}\n${stderr.slice(-2_500)}`.trim();
}
