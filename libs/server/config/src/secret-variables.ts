import { z } from 'zod';
import { secretFile, type SecretFile } from './secret-file.js';

interface SecretMark {
  readonly secret: true;
}

const SECRETS = z.registry<SecretMark>();

/** What an environment is read from. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Marks a variable as secret, which is all that it takes: `X_FILE` then names a file that holds it, for every app and
 * command whose schema has it. The mark stays with what is made of the schema (`.optional()`, `.default()`, `.min()`).
 *
 * @example
 * const environment = z.object({ TOLLGATE_PEPPER: secretVariable(z.string().min(16)) });
 */
export const secretVariable = <S extends z.ZodType>(schema: S): S => {
  SECRETS.add(schema, { secret: true });
  return schema;
};

/** Whether a schema of one variable is marked as secret. */
export function isSecretVariable(schema: z.core.$ZodType): boolean {
  if (SECRETS.get(schema) !== undefined) return true;
  const { innerType, in: input } = schema._zod.def as { innerType?: z.core.$ZodType; in?: z.core.$ZodType };
  const inner = innerType ?? input;
  return inner !== undefined && isSecretVariable(inner);
}

/** The name of the variable that names a file with the secret. */
export const twinOf = (name: string): string => `${name}_FILE`;

/** The names of all variables that `readEnvironment` reads for a schema: its own, and the twins of the secret ones. */
export function variablesIn(schema: z.ZodObject): string[] {
  return Object.entries(schema.shape).flatMap(([name, each]) =>
    isSecretVariable(each as z.core.$ZodType) ? [name, twinOf(name)] : [name],
  );
}

/** One variable as it was found: its value, in which variable's file if it was in one, or what is wrong. */
export type FoundVariable =
  | { readonly kind: 'absent' }
  | { readonly kind: 'value'; readonly value: string; readonly isFromFile: boolean }
  | { readonly kind: 'fault'; readonly fault: string };

/**
 * The value of a secret variable: what it holds itself, or what the file holds that its twin names. A variable that is
 * set to nothing counts as not set. A fault begins with the name of a variable, and has no value.
 */
export function foundSecret(environment: Environment, name: string, read: SecretFile = secretFile): FoundVariable {
  const value = environment[name] ?? '';
  const path = environment[twinOf(name)] ?? '';
  if (path === '') return value === '' ? { kind: 'absent' } : { kind: 'value', value, isFromFile: false };
  if (value !== '') return { kind: 'fault', fault: `${name} and ${twinOf(name)} are both set: leave one of them out` };
  const file = read(path);
  return 'fault' in file
    ? { kind: 'fault', fault: `${twinOf(name)} names ${file.fault}` }
    : { kind: 'value', value: file.secret, isFromFile: true };
}
