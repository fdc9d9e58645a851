/**
 * What a top-level field of a request means for its cost and its way.
 *
 * - `read`: the gateway reads or replaces it, and checks its value.
 * - `free`: it decides what is answered, or goes with the call; it adds no tokens.
 * - `bounded`: it may add tokens, but no more than its own bytes, or within the ceiling of the output.
 * - `unbounded`: it asks for what its bytes and the ceiling do not bound. Refused for a key with a credit limit.
 * - `elsewhere`: it names another model, address or credential than the route's. Refused for every key.
 *
 * A field that is not in a dialect's table is taken for unbounded, or for one that leads elsewhere where its name says
 * so. What is `unbounded`, `elsewhere` or not in the table passes where the provider's entry in `config.yaml` names it
 * in `allow_fields`.
 */
export type FieldUse = 'read' | 'free' | 'bounded' | 'unbounded' | 'elsewhere';

export interface RequestField {
  readonly name: string;
  readonly use: FieldUse;
  /** Why it is of that use. */
  readonly why: string;
  /** Of a bounded field only some values are bounded: whether this one, parsed, is. */
  readonly isBounded?: (value: unknown) => boolean;
}

/** A row for each of the names, which white space separates. */
export function rows(use: FieldUse, why: string, names: string): readonly RequestField[] {
  return words(names).map((name) => ({ name, use, why }));
}

export function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
