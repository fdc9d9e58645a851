import { describe, expect, it } from 'vitest';
import { globSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { alertedMetrics, alertsFile, documentedAlerts } from './chart/alerts.js';
import type { KubernetesObject } from './chart/kubernetes-object.js';
import { faultsOfPromQl } from './chart/promql.js';
import { render } from './chart/render.js';
import { chartFolder, repository } from './repository.js';

const monitored = () =>
  render({
    ci: ['manifests'],
    values: {
      monitoring: {
        serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
        prometheusRule: { enabled: true },
      },
    },
  });
const pick = (objects: readonly KubernetesObject[], kind: string) => objects.find((one) => one.kind === kind)!;

describe('monitoring', () => {
  it('has the alerts of docs/metrics.md; `--update` writes them anew', async () => {
    await expect(alertsFile()).toMatchFileSnapshot(`${chartFolder}/files/alerts.yaml`);
  });

  it('takes every expression of that page that is an alert, with how long it must hold', () => {
    const alerts = documentedAlerts();
    expect(alerts.length).toBeGreaterThan(45);
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    for (const { expr, annotations } of alerts) {
      expect(expr).toContain('tollgate_');
      expect(annotations.summary.length).toBeGreaterThan(15);
    }
    expect(alerts).toContainEqual(
      expect.objectContaining({
        alert: 'TollgateGatewayKeyChangesAgeSeconds',
        expr: 'tollgate_gateway_key_changes_age_seconds > 3',
        for: '30s',
        labels: { severity: 'page' },
      }),
    );
    expect(alerts.map(({ expr }) => expr)).toContain('absent(tollgate_usage_billing_consumer_lag_records)');
  });

  it('leaves out no alert of that page: each time that somebody shall be told has an expression', () => {
    for (const { metric, severities, alerts } of alertedMetrics())
      expect(alerts.length, metric).toBeGreaterThanOrEqual(severities);
    const page = readFileSync(`${repository}docs/metrics.md`, 'utf8');
    const expressions = [...page.matchAll(/`([^`]*tollgate_\w+[^`\w][^`]*)`/g)].map(([, text]) =>
      text!.replaceAll('\\|', '|'),
    );
    expect(documentedAlerts().map(({ expr }) => expr)).toEqual(expressions);
    // Before Kafka removes usage that nobody has booked.
    expect(documentedAlerts()).toContainEqual(
      expect.objectContaining({
        expr: 'max(tollgate_usage_billing_retention_used_ratio) > 0.5',
        for: '5m',
        labels: { severity: 'page' },
      }),
    );
  });

  it.each([
    ['**Page**: `tollgate_a > 1`', [['page', 'tollgate_a > 1', undefined]]],
    ['*Ticket* by `SOME_SETTING` or [`a`](b): `tollgate_a > 1` for 5 min', [['ticket', 'tollgate_a > 1', '5m']]],
    [
      '**Page**: `tollgate_a > 1` for 3 h, and `absent(tollgate_a)` for 30 s. *Ticket*: `tollgate_a{b=~"c\\|d"} > 0`',
      [
        ['page', 'tollgate_a > 1', '3h'],
        ['page', 'absent(tollgate_a)', '30s'],
        ['ticket', 'tollgate_a{b=~"c|d"} > 0', undefined],
      ],
    ],
    [
      '*Ticket* where `tollgate_b` is high: `tollgate_a - tollgate_b > 0`',
      [['ticket', 'tollgate_a - tollgate_b > 0', undefined]],
    ],
    ['**Page**, somebody must look', []],
  ])('reads the alerts of a row such as %s', (cell, expected) => {
    const [row] = alertedMetrics(`| \`tollgate_a\` | What it is, for tests. | ${cell} |`);
    expect(row!.alerts.map((alert) => [alert.labels.severity, alert.expr, alert.for])).toEqual(expected);
    expect(row!.severities).toBe(cell.match(/\*(?:Page|Ticket)\*/g)!.length);
  });

  it('says nothing that Prometheus cannot read, and nor does any page', () => {
    const { groups } = parse(readFileSync(`${chartFolder}/files/alerts.yaml`, 'utf8')) as {
      groups: { rules: { expr: string; for?: string }[] }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    for (const { expr, for: time } of rules) {
      expect(faultsOfPromQl(expr), expr).toEqual([]);
      if (time !== undefined) expect(time).toMatch(/^\d+[smhd]$/);
    }
    const pages = globSync(['README.md', 'docs/**/*.md', 'deploy/**/*.md'], { cwd: repository });
    const quoted = pages.flatMap((page) =>
      [
        ...readFileSync(`${repository}${page}`, 'utf8').matchAll(
          /`([^`\n]*\btollgate_\w+(?:\[|\{|\)| [-+*/<>=])[^`\n]*)`/g,
        ),
      ].map(([, text]) => text!.replaceAll('\\|', '|')),
    );
    expect(quoted.length).toBeGreaterThanOrEqual(rules.length);
    for (const expression of quoted) expect(faultsOfPromQl(expression), expression).toEqual([]);
  });

  it.each([
    ['rate(tollgate_a_total[5m]', 'cannot be read'],
    ['tollgate_a{b=c} > 0', 'cannot be read'],
    ['tollgate_a >', 'cannot be read'],
    ['averages(tollgate_a)', 'cannot be read'],
    ['sum by le (tollgate_a)', 'cannot be read'],
    ['rate(tollgate_a_total) > 0', 'rate takes a range: tollgate_a_total'],
    ['max_over_time((tollgate_a))', 'max_over_time takes a range'],
    ['abs(tollgate_a[5m])', 'abs takes no range'],
    ['tollgate_a[5m] > 0', 'tollgate_a[5m] is a range, and no value'],
    ['sum(rate(tollgate_a_total[5m])) / tollgate_b[5m]', 'tollgate_b[5m] is a range'],
  ])('would be found out with %s', (expression, fault) => {
    expect(faultsOfPromQl(expression).join()).toContain(fault);
  });

  it.each([
    'rate((a[5m]))',
    'max_over_time(rate(a[5m])[1h:1m])',
    'quantile_over_time(0.9, a[5m])',
    'absent(a{b=~"c|d"})',
    'a > 1 and on (b) c',
  ])('would be taken with %s', (expression) => expect(faultsOfPromQl(expression)).toEqual([]));

  it('scales by a metric that there is', () => {
    const { gateway } = parse(readFileSync(`${chartFolder}/values.yaml`, 'utf8')) as {
      gateway: { autoscaling: { callsInFlight: { metric: string } } };
    };
    const page = readFileSync(`${repository}docs/metrics.md`, 'utf8');
    expect(page).toContain(`| \`${gateway.autoscaling.callsInFlight.metric}\` |`);
  });

  it('is what Prometheus finds: a Service of each service that has the port of metrics', async () => {
    const objects = await monitored();
    const { spec, metadata } = pick(objects, 'ServiceMonitor') as KubernetesObject & {
      spec: { endpoints: { port: string; path: string }[] };
    };
    expect(metadata.labels).toMatchObject({ release: 'prometheus' });
    expect(spec.endpoints).toMatchObject([{ port: 'operations', path: '/metrics' }]);
    const found = objects.filter(
      (one) =>
        one.kind === 'Service' &&
        Object.entries(spec.selector!.matchLabels).every(([name, value]) => one.metadata.labels![name] === value),
    );
    expect(found.map(({ metadata: { labels } }) => labels!['app.kubernetes.io/component']).sort()).toEqual([
      'gateway',
      'key-management',
      'secret-scanning',
      'usage-billing',
    ]);
    for (const service of found) expect(service.spec!.ports!.map(({ name }) => name)).toContain('operations');
  });

  it('is not rendered for clusters that do not know its kinds', async () => {
    const kinds = (await render({ ci: ['all'] })).map(({ kind }) => kind);
    expect(kinds).not.toContain('ServiceMonitor');
    expect(kinds).not.toContain('PrometheusRule');
    expect((await monitored()).map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['ServiceMonitor', 'PrometheusRule']),
    );
  });
});
