import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** A range of lines of a source file; the first line is 1. */
interface Lines {
  readonly file: string;
  readonly from: number;
  readonly to: number;
}

/** A call of `query` in the source. */
export interface StatementSite extends Lines {
  /** Names of the constants in the text of the statement. */
  readonly constants: readonly string[];
}

/** A function or a constant whose comment names indexes. */
export interface IndexNote extends Lines {
  readonly name: string;
  readonly indexes: readonly string[];
  /** The name if it is a constant that statements contain; null for a function. */
  readonly constant: string | null;
}

export interface Statements {
  readonly sites: readonly StatementSite[];
  readonly notes: readonly IndexNote[];
}

/** Finds the calls of `query` in the source of these folders' projects, and the comments that name indexes. */
export function statementsIn(folders: readonly string[], leftOut: readonly RegExp[]): Statements {
  const files = folders.flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /(?<!\.spec|\.test)\.ts$/.test(entry.name))
      .map((entry) => relative(repository, join(entry.parentPath, entry.name)))
      .filter((file) => /^[\w/-]+\/src\//.test(file) && !/\/(node_modules|dist)\//.test(file))
      .filter((file) => !leftOut.some((pattern) => pattern.test(file))),
  );
  const found = files.map(statementsOf);
  return { sites: found.flatMap(({ sites }) => sites), notes: found.flatMap(({ notes }) => notes) };
}

function statementsOf(file: string): Statements {
  const text = readFileSync(join(repository, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const [sites, notes]: [StatementSite[], IndexNote[]] = [[], []];
  const read = new Set<number>();
  const lines = (node: ts.Node): Lines => ({
    file,
    from: source.getLineAndCharacterOfPosition(node.getStart()).line + 1,
    to: source.getLineAndCharacterOfPosition(node.getEnd()).line + 1,
  });
  const visit = (node: ts.Node): void => {
    if (isQuery(node)) sites.push({ ...lines(node), constants: namesIn(node.arguments[0]) });
    const note = noteOf(node, text);
    if (note !== null) {
      read.add(note.at);
      notes.push({ ...lines(node), ...note });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  if ([...text.matchAll(MENTION)].length !== read.size)
    throw new Error(`${file}: a comment on indexes stands where no function or constant follows it`);
  return { sites, notes };
}

function isQuery(node: ts.Node): node is ts.CallExpression {
  return (
    ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && node.expression.name.text === 'query'
  );
}

const MENTION = /\bIndex(?:es)?:/g;
/** Matches up to the end of the sentence. Text in brackets is only an explanation. */
const INDEXES = /\bIndex(?:es)?:([^.]*)/;

type Note = Omit<IndexNote, keyof Lines> & { readonly at: number };

/** Reads the indexes that the comment above a function or a constant names; null if it names none. */
function noteOf(node: ts.Node, text: string): Note | null {
  const named = ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node);
  if (!named && !ts.isVariableStatement(node)) return null;
  for (const { pos, end } of ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []) {
    const said = INDEXES.exec(text.slice(pos, end).replace(/\n\s*(\*|\/\/)/g, ' '))?.[1];
    if (said === undefined) continue;
    const indexes = said.replace(/\([^)]*\)/g, '').match(/\b[a-z]+(?:_[a-z]+)+\b/g) ?? [];
    const name = named ? node.name!.getText() : node.declarationList.declarations[0]!.name.getText();
    return { name, indexes, constant: named ? null : name, at: pos };
  }
  return null;
}

function namesIn(node: ts.Node | undefined): string[] {
  if (node === undefined) return [];
  if (ts.isIdentifier(node)) return [node.text];
  const names: string[] = [];
  ts.forEachChild(node, (child) => void names.push(...namesIn(child)));
  return names;
}

/** The source line of a stack frame; null for files outside the repository. */
export function lineOfFrame(frame: string): { file: string; line: number } | null {
  const found = /(?:file:\/\/)?(\/[^\s():]+\.ts):(\d+):\d+\)?$/.exec(frame.trim());
  if (found === null || !found[1]!.startsWith(repository)) return null;
  return { file: relative(repository, found[1]!), line: Number(found[2]) };
}
