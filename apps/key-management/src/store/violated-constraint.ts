import { QueryFailedError } from 'typeorm';

/** A constraint that a statement has violated. */
export interface ViolatedConstraint {
  readonly kind: 'unique' | 'foreign_key';
  readonly name: string;
}

const KINDS: Readonly<Record<string, ViolatedConstraint['kind']>> = { '23505': 'unique', '23503': 'foreign_key' };

/** The unique or foreign key constraint that made a statement fail; null for every other error. */
export function violatedConstraint(error: unknown): ViolatedConstraint | null {
  if (!(error instanceof QueryFailedError)) return null;
  const { code, constraint } = error.driverError as { code?: string; constraint?: string };
  const kind = KINDS[code ?? ''];
  return kind === undefined || constraint === undefined ? null : { kind, name: constraint };
}
