import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MemoryAdmission } from '@tollgate/admission';
import { loadConfig } from '@tollgate/config';
import { Gateway } from '@tollgate/gateway';
import { BODY_BUDGET_BYTES, BodyBudget, SecretChecks } from '@tollgate/http';
import { KeyManagementModule, type KeyManagementPorts } from '@tollgate/key-management';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import { SecretScanningModule, type SecretScanningPorts } from '@tollgate/secret-scanning';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { UsageBillingModule, type UsageBillingPorts } from '@tollgate/usage-billing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const page = readFileSync(`${repository}docs/metrics.md`, 'utf8');
const logger = createLogger({ service: 'test', level: 'silent' });
/** Modules only keep what they are given: nothing of it is called before an application runs. */
const database = { dataSource: {} };

/** One registry for all four, as in a start of the standalone: a name used twice is thrown at. */
const registry = createMetricsRegistry('test', { processMetrics: false });
let folder: string;
let gateway: Gateway;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-metrics-page-'));
  const bus = { publish: () => Promise.resolve() };
  gateway = new Gateway({
    admission: new MemoryAdmission(),
    bodyBudget: new BodyBudget(BODY_BUDGET_BYTES),
    bus,
    config: loadConfig(`${repository}config.yaml`, () => undefined),
    journalFolder: folder,
    keyManagement: {
      verifyKey: () => Promise.resolve({ snapshot: null, organization: null }),
      knownKeys: () => Promise.resolve([]),
      revokeLeakedKeys: () => Promise.resolve([]),
    },
    usageBilling: {
      openCreditEpoch: () => Promise.resolve(),
      registerGateway: () => Promise.resolve(),
      spendingByKey: () => Promise.resolve([]),
    },
    logger,
    pepper: 'a pepper of the test',
    registry,
    snapshots: new MemoryKeySnapshots(),
  });
  KeyManagementModule.register({ database, logger, registry } as unknown as KeyManagementPorts);
  UsageBillingModule.register({ database, logger, registry } as unknown as UsageBillingPorts);
  void new SecretChecks({ logger, registry });
  SecretScanningModule.register({ database, logger, registry } as unknown as SecretScanningPorts);
});
afterAll(async () => {
  await gateway.end();
  rmSync(folder, { recursive: true });
});

describe('docs/metrics.md', () => {
  const described = [...page.matchAll(/^\| `(tollgate_\w+)` \|/gm)].map((match) => match[1]!);
  const registered = () => registry.getMetricsAsArray().map(({ name }) => name);

  it('describes every metric that is registered, and no other, each once', () => {
    expect(registered().length).toBeGreaterThan(30);
    expect([...described].sort()).toEqual([...registered()].sort());
  });

  it('has alerts on metrics that are there, and a word on an alert for each', () => {
    const series = new Set(registered().flatMap((name) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]));
    for (const [name] of page.matchAll(/tollgate_\w+/g)) expect(series, name).toContain(name);
    for (const [row] of page.matchAll(/^\| `tollgate_.*$/gm))
      expect(
        row
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim())
          .filter((cell) => cell !== ''),
        row,
      ).toHaveLength(3);
  });

  it('names the app that serves a metric by the section it stands in', () => {
    for (const section of page.split(/^## /m).slice(1)) {
      const app = section.split('\n', 1)[0]!.toLowerCase().replace(/-/g, '_');
      for (const [, name] of section.matchAll(/^\| `(tollgate_\w+)` \|/gm))
        expect(name).toMatch(new RegExp(`^tollgate_${app}_`));
    }
  });
});
