import { describe, expect, it } from 'vitest';
import { objectsIn, renderText } from './chart/render.js';
import { repository } from './repository.js';

const head = (ci: string): string => `# Rendered from deploy/kubernetes/chart with ci/${ci}.yaml:
# npx vitest run --project deploy manifests --update
# deploy/kubernetes/README.md says which Secrets are needed beside it.
`;

describe('the manifests for those without Helm', () => {
  it.each([
    ['tollgate', 'manifests'],
    ['try-out', 'in-cluster'],
  ])('%s.yaml is what the chart renders; `--update` writes it anew', async (name, ci) => {
    const text = head(ci) + (await renderText({ ci: [ci] })).trimEnd() + '\n';
    await expect(text).toMatchFileSnapshot(`${repository}deploy/kubernetes/manifests/${name}.yaml`);
    const objects = objectsIn(text);
    expect(objects.map(({ kind }) => kind)).not.toContain('Secret');
    for (const { metadata } of objects) expect(metadata.namespace).toBe('tollgate');
  });
});
