import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { repository } from '../repository.js';

/** An alert of docs/metrics.md. */
export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: 'page' | 'ticket' };
  readonly annotations: { readonly summary: string };
}

/** A row of a table: the metric, what it says, and when to worry. A `|` within a cell is written `\|`. */
const ROW = /^\| `(tollgate_\w+)` \| ((?:\\\||[^|])+) \| ((?:\\\||[^|])+) \|$/gm;
/** The severity, what follows it, an expression, and how long it must hold. */
const ALERT =
  /(?:\*\*|\*)(page|ticket)(?:\*\*|\*)[^`]*`([^`]+)`(?: for (\d+) (s|min|h|d)\b)?(?:, and `([^`]+)`(?: for (\d+) (s|min|h|d)\b)?)?/gi;
const UNITS: Readonly<Record<string, string>> = { s: 's', min: 'm', h: 'h', d: 'd' };

/** The alerts of docs/metrics.md that are written as expressions, in the order of the page. */
export function documentedAlerts(): Alert[] {
  const page = readFileSync(`${repository}docs/metrics.md`, 'utf8');
  return [...page.matchAll(ROW)].flatMap(([, metric, meaning, cell]) => {
    const found = [...cell!.matchAll(ALERT)].flatMap(([, severity, first, n, unit, second, m, other]) => [
      { severity, expr: first!, time: n && `${n}${UNITS[unit!]}` },
      ...(second === undefined ? [] : [{ severity, expr: second, time: m && `${m}${UNITS[other!]}` }]),
    ]);
    const summary = firstSentence(meaning!);
    const expressions = found.filter(({ expr }) => expr.includes('tollgate_'));
    return expressions.map(({ severity, expr, time }, index) => ({
      alert: `${camel(metric!)}${index === 0 ? '' : index + 1}`,
      expr: expr.replaceAll('\\|', '|'),
      ...(time !== undefined && { for: time }),
      labels: { severity: severity!.toLowerCase() as 'page' | 'ticket' },
      annotations: { summary },
    }));
  });
}

/** What `spec` of a PrometheusRule is. */
export function alertsFile(): string {
  const head = '# Generated from docs/metrics.md: npx vitest run --project deploy alerts --update\n';
  return head + stringify({ groups: [{ name: 'tollgate', rules: documentedAlerts() }] }, { lineWidth: 0 });
}

function camel(metric: string): string {
  return metric
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

const firstSentence = (text: string): string =>
  `${text
    .replaceAll('\\|', '|')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('`', '')
    .split(/(?<=\w)[.:;](?= |$)/)[0]!
    .replace(/\.$/, '')}.`;
