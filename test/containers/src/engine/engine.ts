import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  canInstallPackages,
  dockerAnswers,
  findProgram,
  installPackage,
  startProcess,
  tempFolder,
  untilReady,
  waitUntil,
  type RunningProcess,
} from '@tollgate/infra';
import { run } from '../program.js';
import { unpackedPackages } from './debian-packages.js';

/** A Docker engine with Compose and BuildKit. */
export interface Engine {
  /** Whose it is and which release, in a few words. */
  readonly description: string;
  /** The environment in which `docker` reaches it. */
  readonly env: NodeJS.ProcessEnv;
  /** Put before a command, so that it sees the engine's processes and the ports that containers publish. */
  readonly enter: readonly string[];
  /** Ends it with all its containers, and removes what it stored. Leaves the machine's own engine alone. */
  stop(): Promise<void>;
}

/** The machine's engine where one answers, else one that is unpacked from Debian's packages into `cache`. */
export async function anyEngine(cache: string): Promise<Engine> {
  return (await dockerAnswers()) ? machinesEngine() : startOwnEngine(cache);
}

async function machinesEngine(): Promise<Engine> {
  const { stdout } = await run('docker', ['version', '--format', '{{.Server.Version}}']);
  return {
    description: `Docker ${stdout.trim()} of this machine`,
    env: process.env,
    enter: [],
    stop: async () => undefined,
  };
}

/** What it needs of the machine: programs of packages that start nothing. */
const helpers = { runc: 'runc', slirp4netns: 'slirp4netns', iptables: 'iptables', 'tini-static': 'tini' };

/**
 * Starts an engine that nobody else meets. Its processes have network, mount and process namespaces of their own: the
 * ports that containers publish are on that network's loopback, and when the first process of the namespaces ends,
 * everything in them ends with it. The way out is slirp4netns, which translates addresses in a process: no table of
 * the machine's is changed, and the machine's loopback cannot be reached from inside.
 */
async function startOwnEngine(cache: string): Promise<Engine> {
  if (!canInstallPackages())
    throw new Error('There is no Docker engine here. To unpack one takes root, on Debian (apt-get).');
  for (const [program, name] of Object.entries(helpers)) if (!findProgram(program)) await installPackage(name);
  const packages = await unpackedPackages(cache, [
    'docker.io',
    'docker-cli',
    'docker-buildx',
    'docker-compose',
    'containerd',
  ]);
  const folder = tempFolder('tollgate-engine');
  const env = engineEnvironment(folder, packages);
  const cgroup = `tollgate-test-${process.pid}`;
  const holder = await startNamespaces();
  let way: RunningProcess | undefined;
  try {
    const first = await firstProcess(holder);
    const enter = ['nsenter', `--target=${first}`, '--net', '--mount', '--pid', '--'];
    way = await startWayOut(first);
    await startDaemon({ folder, env, enter, cgroup });
    const { stdout } = await run('docker', ['version', '--format', '{{.Server.Version}}'], { env });
    return {
      description: `Docker ${stdout.trim()}, unpacked from Debian's packages, in namespaces of its own`,
      env,
      enter,
      stop: () => end(holder, way, folder, cgroup),
    };
  } catch (error) {
    await end(holder, way, folder, cgroup);
    throw error;
  }
}

/** Programs and plug-ins by the names under which Docker looks for them. */
function engineEnvironment(folder: string, packages: string): NodeJS.ProcessEnv {
  const [programs, plugins] = [join(folder, 'bin'), join(folder, 'config', 'cli-plugins')];
  for (const each of [programs, plugins]) mkdirSync(each, { recursive: true });
  const from = (path: string) => join(packages, 'usr', path);
  for (const name of [
    'bin/containerd',
    'bin/containerd-shim-runc-v2',
    'bin/docker',
    'sbin/dockerd',
    'sbin/docker-proxy',
  ])
    copyFileSync(from(name), join(programs, name.slice(name.indexOf('/') + 1)));
  for (const name of ['docker-buildx', 'docker-compose'])
    copyFileSync(from(`libexec/docker/cli-plugins/${name}`), join(plugins, name));
  copyFileSync(findProgram('tini-static')!, join(programs, 'docker-init'));
  return {
    ...process.env,
    PATH: `${programs}:${process.env['PATH']}:/usr/sbin:/sbin`,
    DOCKER_HOST: `unix://${folder}/docker.sock`,
    DOCKER_CONFIG: join(folder, 'config'),
  };
}

/** `--kill-child`: the namespaces' first process, and so all in them, does not outlive this one. */
function startNamespaces(): Promise<RunningProcess> {
  const inside = 'ip link set lo up && exec tini-static -- sleep infinity';
  const namespaces = ['--net', '--mount', '--propagation', 'slave', '--pid', '--fork', '--mount-proc', '--kill-child'];
  return startProcess({ name: 'namespaces', command: 'unshare', args: [...namespaces, '--', 'sh', '-c', inside] });
}

function firstProcess(holder: RunningProcess): Promise<number> {
  const children = `/proc/${holder.pid}/task/${holder.pid}/children`;
  return waitUntil(
    () => {
      const pid = Number(readFileSync(children, 'utf8').trim().split(' ')[0]);
      // It is `tini` once the loopback is up.
      return pid > 0 && readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('tini') && pid;
    },
    { timeoutMs: 10_000, what: 'the namespaces to be made' },
  );
}

async function startWayOut(first: number): Promise<RunningProcess> {
  const args = ['--configure', '--mtu=65520', '--disable-host-loopback', String(first), 'tap0'];
  const way = await startProcess({ name: 'slirp4netns', command: 'slirp4netns', args });
  await untilReady(way, () => way.output().includes('received tapfd'), {
    timeoutMs: 10_000,
    what: 'slirp4netns to be ready',
  });
  return way;
}

interface Daemon {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly enter: readonly string[];
  readonly cgroup: string;
}

async function startDaemon({ folder, env, enter, cgroup }: Daemon): Promise<void> {
  const [command, ...before] = enter as [string, ...string[]];
  // An engine that is not the machine's first process may not raise limits of open files beyond its own.
  const files = readFileSync('/proc/self/limits', 'utf8').match(/^Max open files\s+\d+\s+(\d+)/m)?.[1] ?? '20000';
  const daemon = await startProcess({
    name: 'dockerd',
    command,
    env,
    args: [
      ...[...before, 'dockerd', '--host', env['DOCKER_HOST']!, '--data-root', `${folder}/data`],
      ...['--exec-root', `${folder}/exec`, '--pidfile', `${folder}/pid`, '--storage-driver', 'overlay2'],
      ...['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', `/${cgroup}`],
      ...['--default-ulimit', `nofile=${files}:${files}`],
    ],
  });
  await untilReady(daemon, async () => (await run('docker', ['info'], { env })).code === 0, {
    timeoutMs: 60_000,
    what: 'the Docker engine to answer',
  });
}

async function end(
  holder: RunningProcess,
  way: RunningProcess | undefined,
  folder: string,
  cgroup: string,
): Promise<void> {
  // The first process of the namespaces takes all others with it, containers included.
  holder.kill('SIGKILL');
  await holder.exited;
  await way?.stop();
  await waitUntil(() => removeCgroups(cgroup), { timeoutMs: 15_000, what: 'control groups to be empty' });
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Removes the engine's control groups, innermost first; false while a process is still ending in one. */
function removeCgroups(name: string): boolean {
  const root = '/sys/fs/cgroup';
  const trees = [root, ...readdirSync(root).map((controller) => join(root, controller))].map((at) => join(at, name));
  try {
    for (const tree of trees) if (existsSync(tree)) removeTree(tree);
    return true;
  } catch {
    return false;
  }
}

function removeTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  rmdirSync(folder);
}
