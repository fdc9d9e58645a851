import type { z } from 'zod';
import { faultMessage } from './fault-message.js';
import type { FieldError } from './problem-body.js';

/** A place in a document that does not match its schema. */
export interface FieldFault {
  readonly path: readonly (string | number)[];
  /** Says what must be there. It names the bound, never the value. */
  readonly message: string;
}

/** The result of `validate`. */
export type Validation<T> =
  | { readonly kind: 'valid'; readonly value: T }
  /** At most 100 faults, in the order of the schema. */
  | { readonly kind: 'invalid'; readonly faults: readonly FieldFault[] };

/** Bounds the reply to a document that was made to have many faults. */
const FAULTS_MAX = 100;

/**
 * Checks a value that came from outside. The messages are those of `faultMessage` unless the schema has its own: zod's
 * messages sometimes quote the value, and say `received undefined` to people who know no TypeScript.
 */
export function validate<S extends z.ZodType>(schema: S, value: unknown): Validation<z.output<S>> {
  const result = schema.safeParse(value, { error: (issue) => faultMessage(issue as unknown as z.core.$ZodIssue) });
  if (result.success) return { kind: 'valid', value: result.data };
  const faults = withoutSizesOfWrongTypes(result.error.issues).flatMap((issue) => faultsOf(issue, []));
  return { kind: 'invalid', faults: faults.slice(0, FAULTS_MAX) };
}

/** Leaves out what zod says of the size of a value of another type: a text has no items to be counted. */
function withoutSizesOfWrongTypes(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const placeOf = ({ path }: z.core.$ZodIssue): string => JSON.stringify(path);
  const ofWrongType = new Set(issues.filter(({ code }) => code === 'invalid_type').map(placeOf));
  if (ofWrongType.size === 0) return issues;
  return issues.filter(
    (issue) => (issue.code !== 'too_big' && issue.code !== 'too_small') || !ofWrongType.has(placeOf(issue)),
  );
}

/** The faults in the form of a reply. */
export function fieldErrors(faults: readonly FieldFault[]): FieldError[] {
  return faults.map(({ path, message }) => ({ path: pathText(path), message }));
}

/** Writes `['routes', 0, 'name']` as `routes[0].name`; the path of the whole document is the empty text. */
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

/** The issues of the only branch of a union whose type fits: they say more than "none of these"; else undefined. */
function branchMeant(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  const fitting = branches.filter(
    (issues) =>
      !issues.some(({ code, path }) => path.length === 0 && (code === 'invalid_type' || code === 'invalid_value')),
  );
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** Returns a plausible name of a field unchanged, and `?` for anything else, such as a secret used as a name. */
export function fieldName(key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(key) ? key : '?';
}
