import { isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Alias, type Document, type Node } from 'yaml';

/** A place in a file; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A YAML text with the positions of its values. */
export interface YamlDocument {
  /** Plain data; prices are text as it stands in the file. Undefined where the file is no YAML. */
  readonly value: unknown;
  readonly faults: readonly (Position & { readonly message: string })[];
  /** Where a path is, or the nearest of its parents that exists. */
  locate(path: readonly (string | number)[]): Position;
}

/** Reads YAML 1.2 with the place of everything. Faults name the rule that is broken and quote nothing. */
export function readYaml(text: string): YamlDocument {
  const lines = new LineCounter();
  // What it would warn of on standard error quotes the file.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    version: '1.2',
    logLevel: 'error',
  });
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const faults = [...document.errors, ...document.warnings].map(({ code, pos }) => ({
    ...positionAt(pos[0]),
    message: `is not valid YAML: ${code.toLowerCase().replaceAll('_', ' ')}`,
  }));
  if (document.errors.length > 0) return { value: undefined, faults, locate: () => positionAt(0) };
  keepPricesAsText(document);
  try {
    const value: unknown = document.toJS();
    return { value, faults, locate: (path) => positionAt(offsetOf(document.contents, path)) };
  } catch {
    // For a document without errors this alone is thrown.
    const { offset, message } = aliasFault(document);
    return {
      value: undefined,
      faults: [...faults, { ...positionAt(offset), message: `is not valid YAML: ${message}` }],
      locate: () => positionAt(0),
    };
  }
}

/** The alias that has no anchor; where each has one, they stand for too much together. */
function aliasFault(document: Document): { readonly offset: number; readonly message: string } {
  const aliases: Alias[] = [];
  visit(document, { Alias: (_, alias) => void aliases.push(alias) });
  const lost = aliases.find((alias) => alias.resolve(document) === undefined);
  const [offset = 0] = (lost ?? aliases[0])?.range ?? [];
  return { offset, message: lost === undefined ? 'aliases stand for too much' : 'alias without an anchor before it' };
}

/** 0.1 is no double; the digits in the file are what people agreed on. */
function keepPricesAsText(document: Document): void {
  visit(document, {
    Pair: (_, { key, value }) => {
      if (!isScalar(key)) return;
      const name = String(key.value);
      if (name.endsWith('_usd_per_million') || name.endsWith('_usd')) keepAsText(value);
      // These are prices by the name of what they are for.
      if (name.endsWith('_usd_per_thousand') && isMap(value)) value.items.forEach((pair) => keepAsText(pair.value));
    },
  });
}

function keepAsText(value: unknown): void {
  if (isScalar(value) && typeof value.value === 'number' && value.source !== undefined) value.value = value.source;
}

/** The offset of a field is that of its name, that of an item its first character. */
function offsetOf(root: Node | null, path: readonly (string | number)[]): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === part);
      if (pair === undefined) return offset;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof part === 'number' && part < node.items.length) {
      node = node.items[part];
      offset = (node as Node).range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}
