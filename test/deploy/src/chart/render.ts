import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand, tempFolder } from '@tollgate/infra';
import { parseAllDocuments } from 'yaml';
import { chartFolder } from '../repository.js';
import { kubernetesTools } from '../tools/kubernetes-tools.js';
import type { KubernetesObject } from './kubernetes-object.js';

/** Values by name, as in a file of values. */
export type Values = Readonly<Record<string, unknown>>;

export interface RenderOptions {
  /** Names of files in the chart's folder `ci`, without their ending. */
  readonly ci?: readonly string[];
  /** Go before those of the files. */
  readonly values?: Values;
  /** Arguments of `--set`. */
  readonly set?: readonly string[];
  readonly release?: string;
  readonly namespace?: string;
  /** Another chart than that of the repository. */
  readonly chart?: string;
  readonly more?: readonly string[];
}

/** Helm without the settings and plugins of whoever runs the tests. */
export function helmEnvironment(): NodeJS.ProcessEnv {
  const home = join(tempFolder('tollgate-helm'), 'home');
  mkdirSync(home);
  const folders = { HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home };
  return { PATH: process.env['PATH'], HOME: home, ...folders, KUBECONFIG: join(home, 'none') };
}

/** The arguments of Helm that name values. */
export function valueArguments({ ci = [], values, set = [] }: RenderOptions): string[] {
  const files = ci.map((name) => `${chartFolder}/ci/${name}.yaml`);
  if (values !== undefined) {
    const file = join(tempFolder('tollgate-values'), 'values.json');
    writeFileSync(file, JSON.stringify(values));
    files.push(file);
  }
  return [...files.flatMap((file) => ['--values', file]), ...set.flatMap((each) => ['--set', each])];
}

/** What `helm template` prints. Rejects with its complaint. */
export async function renderText(options: RenderOptions): Promise<string> {
  const { helm } = await kubernetesTools();
  const { release = 'tollgate', namespace = 'tollgate', chart = chartFolder, more = [] } = options;
  const args = ['template', release, chart, '--namespace', namespace, ...valueArguments(options), ...more];
  const { ok, output } = await runCommand(helm, args, { env: helmEnvironment() });
  if (!ok) throw new Error(output);
  return output;
}

/** The objects of a text of several documents. `1.1` reads YAML as Kubernetes does, where `on` is true. */
export function objectsIn(text: string, version: '1.1' | '1.2' = '1.2'): KubernetesObject[] {
  return parseAllDocuments(text, { version }).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0]!;
    const object = document.toJS() as KubernetesObject | null;
    return object === null ? [] : [object];
  });
}

/** The objects that the chart comes to. Rejects with Helm's complaint. */
export async function render(options: RenderOptions): Promise<KubernetesObject[]> {
  return objectsIn(await renderText(options));
}

/** What Helm says of values that it refuses. */
export async function refusal(options: RenderOptions): Promise<string> {
  return renderText(options).then(
    () => {
      throw new Error('these values were not refused');
    },
    (error: Error) => error.message,
  );
}
