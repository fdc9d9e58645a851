import { describe, expect, it } from 'vitest';
import { ciFiles } from './chart/ci-files.js';
import type { KubernetesObject } from './chart/kubernetes-object.js';
import { render } from './chart/render.js';
import { strictSchemas } from './chart/schemas.js';

/** The oldest version that Chart.yaml takes, and the newest with schemas. */
const versions = ['1.31', '1.37'];

describe.each(versions)('what the chart renders, for Kubernetes %s', (version) => {
  it.each(ciFiles)('has no field with %s that this version does not know, and none of another type', async (name) => {
    const [objects, faultsOf] = [await render({ ci: [name] }), await strictSchemas(version)];
    expect(objects.length).toBeGreaterThanOrEqual(15);
    expect(objects.flatMap(faultsOf)).toEqual([]);
  });

  it('would be refused with an unknown field, another type, or a kind of a former version', async () => {
    const faultsOf = await strictSchemas(version);
    const pod = (spec: object): KubernetesObject => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd' },
      spec: {
        selector: { matchLabels: {} },
        template: { metadata: { labels: {} }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } },
      },
    });
    expect(faultsOf(pod({}))).toEqual([]);
    expect(faultsOf(pod({ enableServiceLink: false })).join()).toContain('enableServiceLink');
    expect(faultsOf(pod({ terminationGracePeriodSeconds: '30' })).join()).toContain('terminationGracePeriodSeconds');
    expect(
      faultsOf({ apiVersion: 'policy/v1beta1', kind: 'PodDisruptionBudget', metadata: { name: 'b' } }),
    ).toHaveLength(1);
  });
});
