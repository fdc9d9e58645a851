/**
 * How a top-level field of a request affects its cost and its destination.
 *
 * - `read`: the gateway reads or replaces it, and checks its value.
 * - `free`: it shapes the answer or accompanies the call; it adds no tokens.
 * - `bounded`: it may add tokens, but no more than its own bytes, or within the ceiling of the output.
 * - `unbounded`: it may cost more than its bytes and the ceiling. It is refused for a key with a credit limit.
 * - `elsewhere`: it names another model, address or credential than the route's. It is refused for every key.
 * - `omitted`: clients send it as a matter of course, but no provider needs it, or none may be sent it. It is cut out
 *   of the body, and the reply says so.
 *
 * A field that is not in a dialect's table counts as `elsewhere` if its name says so, otherwise as `unbounded`. Fields
 * that are `unbounded`, `elsewhere`, `omitted` or not in the table pass if the provider's entry in `config.yaml`
 * lists them in `allow_fields`.
 */
export type FieldUse = 'read' | 'free' | 'bounded' | 'unbounded' | 'elsewhere' | 'omitted';

/** A row of a dialect's table of top-level fields. */
export interface RequestField {
  readonly name: string;
  readonly use: FieldUse;
  /** The reason of its use. */
  readonly why: string;
  /** Set if only some values of a bounded field are bounded: whether this parsed value is. */
  readonly isBounded?: (value: unknown) => boolean;
}

/** Makes one row for each of the names, which are separated by white space. */
export function rows(use: FieldUse, why: string, names: string): readonly RequestField[] {
  return words(names).map((name) => ({ name, use, why }));
}

/** Splits a text at white space. */
export function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
