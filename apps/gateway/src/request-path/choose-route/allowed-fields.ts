import type { OtherField } from '../../dialects/request-scan/field-table.js';
import type { Target } from './route-table.js';

/**
 * The targets, in order, whose provider's entry allows all of these fields. If there is none, `missing` is the first
 * field that the first target does not allow.
 */
export function targetsAllowing(
  targets: readonly Target[],
  fields: readonly OtherField[],
): { readonly targets: readonly Target[]; readonly missing: OtherField | null } {
  const [first] = fields;
  if (first === undefined) return { targets, missing: null };
  const allowing = targets.filter(({ provider }) => fields.every(({ name }) => provider.allowFields.has(name)));
  if (allowing.length > 0) return { targets: allowing, missing: null };
  return {
    targets: [],
    missing: fields.find(({ name }) => targets[0]?.provider.allowFields.has(name) !== true) ?? first,
  };
}

const SHOWN_MAX = 64;

/** The name of a field for a message, shortened: a caller may send a name of any length. */
export function shown(name: string): string {
  return name.length > SHOWN_MAX ? `${name.slice(0, SHOWN_MAX)}…` : name;
}
