/**
 * Closes a `switch` over a union: if a member has no case, the call does not compile, because the type is not `never`.
 * At run time it throws for a value from outside that is not in the union, so no request goes on undecided.
 *
 * @example
 * switch (decision.kind) {
 *   case 'admitted': return accept(decision);
 *   case 'refused': return refuse(decision);
 *   default: return unreachable(decision);
 * }
 * @throws {Error} with the value's `kind`, or with the value if it is a string (40 characters at most)
 */
export function unreachable(value: never): never {
  const given: unknown = value;
  const kind: unknown = typeof given === 'object' && given !== null ? (given as { kind?: unknown }).kind : given;
  throw new Error(`unknown case: ${typeof kind === 'string' ? kind.slice(0, 40) : typeof kind}`);
}
