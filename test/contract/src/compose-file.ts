import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** The root of the repository; the relative path is the same from `src` and from `dist`. */
export const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** A service of docker-compose.yml, with the fields that tests read. */
export interface ComposeService {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly restart?: string;
  readonly ports?: readonly string[];
  readonly volumes?: readonly (
    string | { readonly type: string; readonly source?: string; readonly target: string; readonly read_only?: boolean }
  )[];
  readonly tmpfs?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly stop_grace_period?: string;
  readonly networks?: readonly string[];
}

export const composeText = readFileSync(`${repository}docker-compose.yml`, 'utf8');

/** Matches `${NAME}`, `${NAME:-default}` and `${NAME:?message}`. */
const VARIABLE = /\$\{(\w+)(?::([-?])([^}]*))?\}/g;

export interface ComposeVariable {
  readonly name: string;
  /** Compose refuses to start without it. */
  readonly required: boolean;
  readonly default: string | null;
}

/** Every use of a variable in the file, except in comments. */
export function composeVariables(): ComposeVariable[] {
  const lines = composeText.split('\n').filter((line) => !line.trimStart().startsWith('#'));
  return [...lines.join('\n').matchAll(VARIABLE)].map(([, name, kind, rest]) => ({
    name: name!,
    required: kind === '?',
    default: kind === '-' ? rest! : null,
  }));
}

/** The services as Compose starts them with these variables. Throws if a required variable is not set. */
export function composeServices(variables: Readonly<Record<string, string>>): Record<string, ComposeService> {
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string')
      return value.replace(
        VARIABLE,
        (_, name: string, kind: string, rest: string) => variables[name] || missing(name, kind, rest),
      );
    if (Array.isArray(value)) return value.map(fill);
    return value !== null && typeof value === 'object'
      ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, fill(each)]))
      : value;
  };
  const file = parse(composeText, { merge: true }) as { services: Record<string, unknown> };
  return fill(file.services) as Record<string, ComposeService>;
}

function missing(name: string, kind: string, rest: string): string {
  if (kind === '?') throw new Error(`${name} ${rest}`);
  return kind === '-' ? rest : '';
}
