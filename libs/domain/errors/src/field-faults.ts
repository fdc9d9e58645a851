import type { z } from 'zod';
import { faultMessage } from './fault-message.js';
import type { FieldError } from './problem-body.js';

/** One place in a document that is not as its schema has it. */
export interface FieldFault {
  readonly path: readonly (string | number)[];
  /** What must be there: names the bound, never the value. */
  readonly message: string;
}

export type Validation<T> =
  | { readonly kind: 'valid'; readonly value: T }
  /** In the order of the schema, at most 100. */
  | { readonly kind: 'invalid'; readonly faults: readonly FieldFault[] };

/** A document made to have many faults gets no reply of its own size. */
const FAULTS_MAX = 100;

/**
 * Checks a value that came from outside. Messages are ours unless the schema gives its own: zod's would quote
 * the value now and then, and say `received undefined` to people who know no TypeScript.
 */
export function validate<S extends z.ZodType>(schema: S, value: unknown): Validation<z.output<S>> {
  const result = schema.safeParse(value, { error: (issue) => faultMessage(issue as unknown as z.core.$ZodIssue) });
  if (result.success) return { kind: 'valid', value: result.data };
  return { kind: 'invalid', faults: result.error.issues.flatMap((issue) => faultsOf(issue, [])).slice(0, FAULTS_MAX) };
}

/** Faults as replies carry them. */
export function fieldErrors(faults: readonly FieldFault[]): FieldError[] {
  return faults.map(({ path, message }) => ({ path: pathText(path), message }));
}

/** `['routes', 0, 'name']` as `routes[0].name`; the whole document is the empty text. */
export function pathText(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

function faultsOf(issue: z.core.$ZodIssue, parent: readonly (string | number)[]): FieldFault[] {
  const path = [...parent, ...issue.path.map((part) => (typeof part === 'number' ? part : fieldName(String(part))))];
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, fieldName(key)], message: 'unknown field' }));
  if (issue.code === 'invalid_union') {
    const meant = branchMeant(issue.errors);
    if (meant !== undefined) return meant.flatMap((each) => faultsOf(each, path));
  }
  return [{ path, message: issue.message }];
}

/** The one branch of a union whose type fitted, so that its own faults say more than "none of these". */
function branchMeant(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  const fitting = branches.filter(
    (issues) =>
      !issues.some(({ code, path }) => path.length === 0 && (code === 'invalid_type' || code === 'invalid_value')),
  );
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** Names of fields are given back; what cannot be one (a secret used as a name, say) is not. */
function fieldName(key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(key) ? key : '?';
}
