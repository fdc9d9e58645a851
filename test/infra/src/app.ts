import { findProgram } from './commands.js';
import { startProcess, untilReady, type RunningProcess } from './processes.js';

export interface AppOptions {
  name: string;
  /** The compiled entry, such as `apps/gateway/dist/main.js`. */
  script: string;
  args?: readonly string[];
  /** Options of Node.js itself, such as `--cpu-prof`. */
  nodeArgs?: readonly string[];
  /**
   * All the app is told. Of this process's own environment it sees only what finds programs, folders and the language.
   */
  env: Record<string, string>;
  cwd?: string;
  /** A program with arguments that starts Node.js, as `withoutRootsRights` gives one; default: none. */
  through?: readonly string[];
  /** A URL that must answer 2xx, or what must appear in the output; a URL in its first group becomes `url`. */
  readyWhen: string | RegExp;
  /** Default 90,000: a start takes seconds, and a busy machine many of them. */
  readyWithinMs?: number;
}

/** So that a DATABASE_URL or NODE_ENV of the machine, or of the test runner, never reaches an app under test. */
const passedOn = ['PATH', 'HOME', 'USER', 'LANG', 'TZ', 'TMPDIR', 'TMP', 'TEMP'];

/** No balancer stands before an app under test that must first send calls elsewhere. A test of that says so itself. */
const WITHOUT_WINDOW = { TOLLGATE_STOP_WINDOW_SECONDS: '0' };

/**
 * Starts a compiled app on the Node.js of this process and waits until it is ready. Rejects with its last output when
 * it ends before that, and ends it when it is not ready in time. It never outlives this process.
 */
export async function spawnApp(options: AppOptions): Promise<RunningProcess> {
  const { name, script, args = [], nodeArgs = [], env, cwd, through = [], readyWhen, readyWithinMs = 90_000 } = options;
  const inherited = Object.fromEntries(
    passedOn.flatMap((variable) => {
      const value = process.env[variable];
      return value === undefined ? [] : [[variable, value]];
    }),
  );
  const [command = process.execPath, ...rest] = [...through, process.execPath, ...nodeArgs, script, ...args];
  const app = await startProcess({
    name,
    command,
    args: rest,
    env: { ...inherited, ...WITHOUT_WINDOW, ...env },
    cwd,
  });
  const check =
    typeof readyWhen === 'string' ? () => urlAnswers(readyWhen) : () => urlInOutput(app.output(), readyWhen);
  const ready = await untilReady(app, check, { what: `${name} to be ready`, timeoutMs: readyWithinMs });
  return { ...app, url: ready.url };
}

/**
 * What starts a program so that the modes of files bind it, which root passes over: nothing for another user, `setpriv`
 * for root; null where root has no `setpriv`.
 */
export function withoutRootsRights(): readonly string[] | null {
  if (process.getuid?.() !== 0) return [];
  const setpriv = findProgram('setpriv');
  return setpriv === undefined ? null : [setpriv, '--bounding-set=-dac_override,-dac_read_search'];
}

async function urlAnswers(url: string): Promise<{ url: string } | false> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  const text = await response.text();
  return response.ok && !AWAY.test(text) && { url: new URL(url).origin };
}

/**
 * What a test waits for besides readiness: a process is ready while the stores that all share are away, and a test
 * begins when they are there.
 */
const AWAY = /"(?:registered|keyChanges|postgres)":false/;

function urlInOutput(output: string, pattern: RegExp): { url: string | undefined } | false {
  const match = pattern.exec(output);
  return match !== null && { url: match[1]?.startsWith('http') ? match[1] : undefined };
}
