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
/** The severity and all that follows it, up to the next. */
const SEVERITY = /(?<marks>\*\*?)(?<severity>page|ticket)\k<marks>(?<told>(?:(?!\*\*?(?:page|ticket)\*).)*)/gi;
/** Something in the typewriter's face, and how long it must hold. */
const QUOTED = /`(?<text>[^`]+)`(?: for (?<count>\d+) (?<unit>s|min|h|d)\b)?/g;
/** A metric alone is a name, not an expression. */
const isExpression = (text: string): boolean => text.includes('tollgate_') && !/^\w+$/.test(text);
const UNITS: Readonly<Record<string, string>> = { s: 's', min: 'm', h: 'h', d: 'd' };

/** A row of docs/metrics.md whose last column says when somebody shall be told, with an alert or more for each time. */
export interface AlertedMetric {
  readonly metric: string;
  readonly severities: number;
  readonly alerts: readonly Alert[];
}

/** The metrics of docs/metrics.md that have alerts, in the order of the page. */
export function alertedMetrics(page = readFileSync(`${repository}docs/metrics.md`, 'utf8')): AlertedMetric[] {
  return [...page.matchAll(ROW)].flatMap(([, metric, meaning, cell]) => {
    const told = [...cell!.matchAll(SEVERITY)].map(({ groups }) => groups as { severity: string; told: string });
    const rules = told.flatMap(({ severity, told: text }) =>
      [...text.matchAll(QUOTED)]
        .map(({ groups }) => groups as { text: string; count?: string; unit?: string })
        .filter(({ text: quoted }) => isExpression(quoted))
        .map(({ text: quoted, count, unit }) => ({
          expr: quoted.replaceAll('\\|', '|'),
          ...(unit !== undefined && { for: `${count}${UNITS[unit]}` }),
          labels: { severity: severity.toLowerCase() as 'page' | 'ticket' },
        })),
    );
    const summary = firstSentence(meaning!);
    const alerts = rules.map((rule, index) => ({
      alert: `${camel(metric!)}${index === 0 ? '' : index + 1}`,
      ...rule,
      annotations: { summary },
    }));
    return told.length === 0 ? [] : [{ metric: metric!, severities: told.length, alerts }];
  });
}

/** All of them. */
export const documentedAlerts = (): Alert[] => alertedMetrics().flatMap(({ alerts }) => alerts);

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
