import { parseArgs } from 'node:util';

export const usage = `npm run test:containers -- [options]
  --only PART    parts of this name, or whose name has it in it; may be given more than once
  --list         prints the parts and their checks, and tries none
  --from REF     the commit of a former release, whose volumes must come up with this one
  --built        takes the image tollgate:checked that an earlier run has left in the machine's engine, and builds none
`;

export interface Options {
  readonly only: readonly string[];
  readonly list: boolean;
  readonly from: string | undefined;
  readonly built: boolean;
}

/** Throws for what it does not know. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      list: { type: 'boolean', default: false },
      from: { type: 'string' },
      built: { type: 'boolean', default: false },
    },
  });
  // It goes into the name of an image and into a command.
  if (values.from !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$/.test(values.from))
    throw new RangeError('--from must be a commit or a tag: letters, digits, dots, dashes and underscores');
  return { only: values.only, list: values.list, from: values.from, built: values.built };
}

/** The parts that are named, all where none is; throws for a name that none has in it. */
export function chosen<T extends { readonly name: string }>(parts: readonly T[], only: readonly string[]): T[] {
  for (const name of only)
    if (!parts.some((part) => has(part, name)))
      throw new RangeError(`no part has "${name}" in its name: ${parts.map((part) => part.name).join(', ')}`);
  return parts.filter((part) => only.length === 0 || only.some((name) => has(part, name)));
}

const has = (part: { readonly name: string }, text: string): boolean =>
  part.name.toLowerCase().includes(text.toLowerCase());
