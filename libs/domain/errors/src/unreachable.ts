/**
 * Closes a `switch` over a union: a member that no case names does not compile, because its type is not `never`. A
 * value that arrives from outside and is none of the union throws, so no request goes on undecided.
 *
 * @example
 * switch (decision.kind) {
 *   case 'admitted': return accept(decision);
 *   case 'refused': return refuse(decision);
 *   default: return unreachable(decision);
 * }
 * @throws {Error} names the value's `kind`, or the value where it is a text; never more of it
 */
export function unreachable(value: never): never {
  const given: unknown = value;
  const kind: unknown = typeof given === 'object' && given !== null ? (given as { kind?: unknown }).kind : given;
  throw new Error(`unknown case: ${typeof kind === 'string' ? kind.slice(0, 40) : typeof kind}`);
}
