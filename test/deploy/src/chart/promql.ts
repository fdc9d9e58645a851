import { parser } from '@prometheus-io/lezer-promql';

type Node = ReturnType<typeof parser.parse>['topNode'];

/** Functions of a range that do not end in `_over_time`; all of them take it first, but for the one below. */
const OF_RANGES = new Set([
  'rate',
  'irate',
  'increase',
  'delta',
  'idelta',
  'deriv',
  'changes',
  'resets',
  'predict_linear',
]);
const RANGES = new Set(['MatrixSelector', 'SubqueryExpr']);

/** What is wrong with an expression of PromQL: what its grammar does not know, and ranges where there must be none. */
export function faultsOfPromQl(expression: string): string[] {
  const faults: string[] = [];
  const text = ({ from, to }: Node) => expression.slice(from, to);
  parser.parse(expression).iterate({
    enter({ node }) {
      if (node.type.isError)
        faults.push(`cannot be read at ${node.from}: ${expression.slice(node.from, node.from + 20)}`);
      if (node.name === 'FunctionCall') faults.push(...faultsOfCall(node, text));
      else if (RANGES.has(node.name) && !isArgument(node)) faults.push(`${text(node)} is a range, and no value`);
    },
  });
  return faults;
}

function faultsOfCall(call: Node, text: (node: Node) => string): string[] {
  const name = text(call.getChild('FunctionIdentifier')!);
  const given = bare(call.getChild('FunctionCallBody')?.firstChild ?? null);
  // It has the quantile before the range.
  if (name === 'quantile_over_time') return [];
  const takesRange = OF_RANGES.has(name) || name.endsWith('_over_time');
  if (given === null || takesRange === RANGES.has(given.name)) return [];
  return [`${name} takes ${takesRange ? 'a range' : 'no range'}: ${text(given)}`];
}

const isArgument = ({ parent }: Node): boolean =>
  parent !== null && (parent.name === 'FunctionCallBody' || (parent.name === 'ParenExpr' && isArgument(parent)));

const bare = (node: Node | null): Node | null => (node?.name === 'ParenExpr' ? bare(node.firstChild) : node);
