import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '@tollgate/infra';
import { describe, expect, it } from 'vitest';
import { ciFiles } from './chart/ci-files.js';
import { helmEnvironment, renderText, valueArguments } from './chart/render.js';
import { chartFolder } from './repository.js';
import { checkov } from './tools/checkov.js';
import { kubernetesTools } from './tools/kubernetes-tools.js';
import { run } from './tools/run.js';

/** Checks of the linter that the chart does not hold, of which objects, and why. */
const declined: Readonly<Record<string, { readonly of: RegExp; readonly why: string }>> = {
  CKV_K8S_11: { of: /./, why: 'A limit of CPU time makes a busy gateway wait while cores are idle.' },
  CKV_K8S_15: { of: /./, why: 'image.pullPolicy decides it. A tag is a version, and versions do not change.' },
  CKV_K8S_43: { of: /./, why: 'image.digest names the image of an installation; the chart knows of none.' },
  CKV_K8S_40: { of: /-(?:postgres|redis|kafka)$/, why: 'These users are those of the images of others.' },
  CKV_K8S_8: { of: /-kafka$/, why: 'What makes the rights beside the broker serves nobody; it ends if it fails.' },
  CKV_K8S_9: { of: /-kafka$/, why: 'The same.' },
};

describe('linters', () => {
  it.each(ciFiles)('of Helm have nothing to say about the chart with %s', async (name) => {
    const { helm } = await kubernetesTools();
    const said = await run(helm, ['lint', '--strict', chartFolder, ...valueArguments({ ci: [name] })], {
      env: helmEnvironment(),
    });
    expect(said).toContain('1 chart(s) linted, 0 chart(s) failed');
  });

  it.each(['all', 'in-cluster'])(
    'of manifests find nothing with %s but what is declined with a reason',
    async (name) => {
      const file = join(tempFolder('tollgate-checkov'), 'rendered.yaml');
      writeFileSync(file, await renderText({ ci: [name] }));
      const { passed, complaints } = await checkov(file);
      expect(passed).toBeGreaterThan(300);
      expect(complaints.filter(({ check, object }) => !declined[check]?.of.test(object))).toEqual([]);
    },
  );
});
