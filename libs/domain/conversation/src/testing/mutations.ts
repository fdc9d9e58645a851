import fc from 'fast-check';

const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, 0, -1, 1e308, '', 'x', [], {}, [null], [[]], { type: null }, { type: 'x' }),
  fc.jsonValue({ maxDepth: 2 }),
);

/** Documents in which one value, at any place, is replaced by another, or its field is gone. */
export function mutationsOf(document: unknown): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.constantFrom(...pathsIn(document)), fc.option(anything, { nil: undefined }))
    .map(([path, value]) => replaced(document, path, value));
}

type Path = readonly (string | number)[];

function pathsIn(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, item]) => pathsIn(item, [...path, key]))];
}

function replaced(document: unknown, [key, ...path]: Path, value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(document))
    return document.map((item: unknown, at) => (String(at) === key ? replaced(item, path, value) : item));
  return Object.fromEntries(
    Object.entries(document as object).map(([name, item]) => [name, name === key ? replaced(item, path, value) : item]),
  );
}
