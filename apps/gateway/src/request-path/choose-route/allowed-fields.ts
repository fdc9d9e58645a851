import type { OtherField } from '../../dialects/request-scan/body-scan.js';
import type { Target } from './route-table.js';

/**
 * The targets whose provider's entry allows some fields by name, in their order. Where none allows them all, `missing`
 * is the first field that the first target does not allow.
 */
export function targetsAllowing(
  targets: readonly Target[],
  fields: readonly OtherField[],
): { readonly targets: readonly Target[]; readonly missing: OtherField | null } {
  if (fields.length === 0) return { targets, missing: null };
  const allowing = targets.filter(({ provider }) => fields.every(({ name }) => provider.allowFields.has(name)));
  if (allowing.length > 0) return { targets: allowing, missing: null };
  return {
    targets: [],
    missing: fields.find(({ name }) => targets[0]?.provider.allowFields.has(name) !== true) ?? fields[0]!,
  };
}

const SHOWN_MAX = 64;

/** The name of a field as a message says it: a caller may send one of any length. */
export function shown(name: string): string {
  return name.length > SHOWN_MAX ? `${name.slice(0, SHOWN_MAX)}…` : name;
}
