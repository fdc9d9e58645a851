import { describe, expect, it } from 'vitest';
import { alertsFile, documentedAlerts } from './chart/alerts.js';
import type { KubernetesObject } from './chart/kubernetes-object.js';
import { render } from './chart/render.js';
import { chartFolder } from './repository.js';

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
