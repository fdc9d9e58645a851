import { cpSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { delimiter, dirname, join } from 'node:path';
import {
  freePort,
  runCommand,
  startProcess,
  tempFolder,
  untilReady,
  type CommandOptions,
  type RunningProcess,
} from '@tollgate/infra';
import { helmEnvironment } from '../chart/render.js';
import { repository } from '../repository.js';
import { etcd, kubeApiServer } from '../tools/kube-apiserver.js';
import { kubernetesTools } from '../tools/kubernetes-tools.js';
import { run } from '../tools/run.js';

const TOKEN = 'token-of-tests';

/** A real API server on loopback, without nodes: what it takes it keeps, and no pod comes of it. */
export interface Cluster {
  /** Runs kubectl; resolves with what it printed, and rejects with its complaint. */
  kubectl(args: readonly string[]): Promise<string>;
  /** Runs Helm in the same way. */
  helm(args: readonly string[]): Promise<string>;
  /** The whole output of kubectl, whether or not it failed. */
  complaint(args: readonly string[]): Promise<string>;
  /**
   * Runs commands in bash as somebody would who has both programs, in a copy of what the repository has of them, with
   * these files beside it. Resolves with what was printed.
   */
  shell(commands: string, files: Readonly<Record<string, string>>): Promise<string>;
  stop(): Promise<void>;
}

/** Starts etcd and the API server, both on ports and folders of their own. */
export async function startCluster(): Promise<Cluster> {
  const [etcdProgram, apiServerProgram, { helm, kubectl }] = [
    await etcd(),
    await kubeApiServer(),
    await kubernetesTools(),
  ];
  const folder = tempFolder('tollgate-kubernetes');
  const store = await startEtcd(etcdProgram, folder);
  const port = await freePort();
  const server = await startApiServer(apiServerProgram, folder, store.url, port).catch(async (error: unknown) => {
    await store.process.stop();
    throw error;
  });
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigFor(`https://127.0.0.1:${port}`));
  const options: CommandOptions = { env: { ...helmEnvironment(), KUBECONFIG: kubeconfig }, timeoutMs: 120_000 };
  return {
    kubectl: (args) => run(kubectl, args, options),
    helm: (args) => run(helm, args, options),
    shell: (commands, files) => {
      const place = tempFolder('tollgate-shell');
      cpSync(`${repository}deploy/kubernetes`, join(place, 'deploy', 'kubernetes'), { recursive: true });
      cpSync(`${repository}config.yaml`, join(place, 'config.yaml'));
      for (const [name, text] of Object.entries(files)) writeFileSync(join(place, name), text);
      const path = [dirname(helm), dirname(kubectl), process.env['PATH'] ?? ''].join(delimiter);
      const env = { ...options.env, PATH: path, OPENAI_API_KEY: 'credential-of-reader' };
      return run('bash', ['--norc', '-euo', 'pipefail', '-c', commands], { ...options, env, cwd: place });
    },
    complaint: async (args) => (await runCommand(kubectl, args, options)).output,
    // The server first: without its store it would not end at SIGTERM.
    stop: async () => {
      await server.stop();
      await store.process.stop();
    },
  };
}

async function startEtcd(command: string, folder: string): Promise<{ process: RunningProcess; url: string }> {
  const [client, peer] = [await freePort(), await freePort()].map((port) => `http://127.0.0.1:${port}`);
  const process = await startProcess({
    name: 'etcd',
    command,
    args: [
      `--data-dir=${join(folder, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      '--unsafe-no-fsync',
    ],
  });
  const healthy = async () => (await fetch(`${client}/health`)).ok;
  await untilReady(process, healthy, { what: 'etcd to answer', timeoutMs: 60_000 });
  return { process, url: client! };
}

async function startApiServer(command: string, folder: string, store: string, port: number): Promise<RunningProcess> {
  const [key, tokens] = [join(folder, 'accounts.key'), join(folder, 'tokens')];
  await run('openssl', ['genrsa', '-out', key, '2048']);
  writeFileSync(tokens, `${TOKEN},tests,tests,system:masters\n`, { mode: 0o600 });
  const process = await startProcess({
    name: 'kube-apiserver',
    command,
    args: [
      `--etcd-servers=${store}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--cert-dir=${join(folder, 'certificates')}`,
      '--service-account-issuer=https://tests.invalid',
      `--service-account-key-file=${key}`,
      `--service-account-signing-key-file=${key}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      `--token-auth-file=${tokens}`,
      '--authorization-mode=RBAC',
      // Nobody makes the accounts of namespaces here.
      '--disable-admission-plugins=ServiceAccount',
    ],
  });
  await untilReady(process, () => isReady(port), { what: 'the API server to be ready', timeoutMs: 180_000 });
  return process;
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    // Its certificate is one that it has just made itself.
    request({ host: '127.0.0.1', port, path: '/readyz', headers, rejectUnauthorized: false }, (reply) => {
      reply.resume();
      resolve(reply.statusCode === 200);
    })
      .on('error', () => resolve(false))
      .end();
  });
}

function kubeconfigFor(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'tests', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'tests', user: { token: TOKEN } }],
    contexts: [{ name: 'tests', context: { cluster: 'tests', user: 'tests' } }],
    'current-context': 'tests',
  });
}
