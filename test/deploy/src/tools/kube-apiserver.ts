import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canInstallPackages, findProgram, installPackage } from '@tollgate/infra';
import { fileURLToPath } from 'node:url';
import { cachedFolder } from './cached-folder.js';
import { run } from './run.js';

const BUILD_MS_MAX = 80 * 60_000;
const module = fileURLToPath(new URL('../../kube-apiserver', import.meta.url));

/** The version in go.mod, as `v1.37.2`. */
const kubernetesVersion = (): string =>
  /k8s\.io\/kubernetes (v\d+\.\d+\.\d+)/.exec(readFileSync(join(module, 'go.mod'), 'utf8'))![1]!;

/**
 * The program of the API server, of the version that `kube-apiserver/go.mod` pins. No package registry has it ready: Go
 * builds it the first time, in about 16 minutes of CPU time.
 */
export async function kubeApiServer(): Promise<string> {
  const sources = ['go.mod', 'go.sum'].map((file) => readFileSync(join(module, file), 'utf8')).join('');
  const hash = createHash('sha256').update(sources).digest('hex').slice(0, 12);
  const folder = await cachedFolder(`kube-apiserver-${hash}`, async (target) => {
    const go = findProgram('go', ['/usr/local/go/bin']);
    if (go === undefined) throw new Error('Go is missing, which builds the API server. Install Go 1.26 or newer.');
    const version = kubernetesVersion();
    const [, major, minor] = /^v(\d+)\.(\d+)/.exec(version)!;
    process.stdout.write(`tests need kube-apiserver ${version}: building it with Go, which takes minutes\n`);
    const variables = { gitVersion: version, gitMajor: major, gitMinor: minor };
    const linked = Object.entries(variables).map(
      ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
    );
    await run(
      go,
      [
        'build',
        '-mod=readonly',
        '-trimpath',
        `-ldflags=-s -w ${linked.join(' ')}`,
        '-o',
        join(target, 'kube-apiserver'),
        'k8s.io/kubernetes/cmd/kube-apiserver',
      ],
      { cwd: module, env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' }, timeoutMs: BUILD_MS_MAX },
    );
  });
  return join(folder, 'kube-apiserver');
}

/** The program of etcd, where the API server keeps its objects. */
export async function etcd(): Promise<string> {
  const found = findProgram('etcd');
  if (found !== undefined) return found;
  if (canInstallPackages()) {
    await installPackage('etcd-server');
    const installed = findProgram('etcd');
    if (installed !== undefined) return installed;
  }
  throw new Error('etcd is missing. Install it (Debian: apt-get install etcd-server).');
}
