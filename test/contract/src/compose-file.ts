import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** The root of the repository; the relative path is the same from `src` and from `dist`. */
export const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** A secret that a service gets: a file, under a name of its own in the service. */
export type ComposeSecret = string | { readonly source: string; readonly target: string };

/** A volume or a bind mount of a service. */
export interface ComposeVolume {
  readonly type: string;
  readonly source?: string;
  readonly target: string;
  readonly read_only?: boolean;
  readonly bind?: { readonly create_host_path?: boolean };
}

/** A service of docker-compose.yml, with the fields that tests read. */
export interface ComposeService {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string; readonly target?: string };
  readonly pull_policy?: string;
  readonly profiles?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly ComposeSecret[];
  readonly user?: string;
  readonly init?: boolean;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly privileged?: boolean;
  readonly restart?: string;
  readonly mem_limit?: string;
  readonly pids_limit?: number;
  readonly ports?: readonly string[];
  readonly volumes?: readonly (string | ComposeVolume)[];
  readonly tmpfs?: readonly string[];
  readonly healthcheck?: {
    readonly test?: readonly string[];
    readonly interval?: string;
    readonly start_interval?: string;
    readonly disable?: boolean;
  };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string; readonly restart?: boolean }>>;
  readonly stop_grace_period?: string;
  readonly network_mode?: string;
  readonly networks?: readonly string[];
}

/** A file of Compose. */
export interface ComposeFile {
  readonly name?: string;
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

/** The text of a file in the root of the repository. */
export const textOf = (name: string): string => readFileSync(`${repository}${name}`, 'utf8');

/** Matches `$$`, `${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `${NAME:+replacement}`. */
const VARIABLE = /\$\$|\$\{(\w+)(?::([-?+])([^}]*))?\}/g;

export interface ComposeVariable {
  readonly name: string;
  /** Compose refuses to start without it. */
  readonly required: boolean;
  readonly default: string | null;
}

/** Every use of a variable in a file of Compose, except in comments. */
export function composeVariables(text: string): ComposeVariable[] {
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'));
  return [...lines.join('\n').matchAll(VARIABLE)].flatMap(([, name, kind, rest]) =>
    name === undefined ? [] : [{ name, required: kind === '?', default: kind === '-' ? rest! : null }],
  );
}

/** A file as Compose reads it with these variables. Throws if a required variable is not set. */
export function composeFile(text: string, variables: Readonly<Record<string, string>> = {}): ComposeFile {
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string') return filled(value, variables);
    if (Array.isArray(value)) return value.map(fill);
    return value !== null && typeof value === 'object'
      ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, fill(each)]))
      : value;
  };
  return fill(parse(text, { merge: true })) as ComposeFile;
}

function filled(value: string, variables: Readonly<Record<string, string>>): string {
  return value.replace(VARIABLE, (whole: string, name?: string, kind?: string, rest?: string) => {
    if (name === undefined) return whole.slice(1);
    const given = variables[name] ?? '';
    if (kind === '+') return given === '' ? '' : rest!;
    if (given !== '') return given;
    if (kind === '?') throw new Error(`${name} ${rest}`);
    return kind === '-' ? rest! : '';
  });
}

/** The name of a secret, and that of the file under /run/secrets in which a service finds it. */
export function secretOf(secret: ComposeSecret): { readonly source: string; readonly target: string } {
  return typeof secret === 'string' ? { source: secret, target: secret } : secret;
}
