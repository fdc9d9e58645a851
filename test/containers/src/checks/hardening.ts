import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { serviceOf, type Container, type House } from '../house/house.js';
import { mountsIn, processesOf, sizeOf } from '../house/processes.js';
import { holds, none, NotTried, type Part } from './check.js';

const MIB = 1024 ** 2;
/** The largest tmpfs of any container. It counts against the container's memory. */
const TMPFS_BYTES_MAX = 128 * MIB;
/** Kafka unpacks its compression's native library to /tmp and loads it from there. */
const executable = new Set(['kafka /tmp']);

/** What the engine itself mounts into each container, whatever the file says. */
const ofTheEngine = /^\/(?:dev|proc|sys)(?:\/|$)/;

export const hardening: Part = {
  name: 'Each container has the least',
  checks: [
    {
      name: 'no process is root, has a capability, may gain one, or is without seccomp',
      run: async ({ house }) => {
        const processes = await processesOf(house, await house.running());
        const wrong = processes.flatMap(({ service, command, status }) => {
          const faults = [
            ...(/\b0\b/.test(`${status['Uid']} ${status['Gid']}`) ? ['is root'] : []),
            ...['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].filter((set) => !/^0+$/.test(status[set] ?? '')),
            ...(status['NoNewPrivs'] === '1' ? [] : ['may gain privileges']),
            ...(status['Seccomp'] === '2' ? [] : ['has no seccomp filter']),
          ];
          return faults.map((fault) => `${service} (${command.slice(0, 40)}) ${fault}`);
        });
        none('processes have more than they need', wrong);
        const ids = new Set(processes.map(({ service, status }) => `${service} ${status['Uid']?.split('\t')[0]}`));
        return `${processes.length} processes: ${[...ids].join(', ')}`;
      },
    },
    {
      name: 'the root is read-only: nothing can be written there, by root neither',
      run: async ({ house }) => {
        const containers = await house.running();
        const written: string[] = [];
        for (const container of containers) {
          const at = ['/written', '/etc/written', '/usr/written'];
          for (const path of at) {
            const { code } = await house.exec(container, ['sh', '-c', `: > ${path}`]);
            if (code === 0) written.push(`${serviceOf(container)} wrote ${path}`);
          }
          if (!container.HostConfig.ReadonlyRootfs)
            written.push(`${serviceOf(container)} has a root that can be written`);
        }
        none('written', written);
        return `${containers.length} containers`;
      },
    },
    {
      name: 'each tmpfs is noexec, nosuid, nodev and sized',
      run: async ({ house }) => {
        const wrong: string[] = [];
        const seen: string[] = [];
        for (const container of await house.running()) {
          const mounts = mountsIn(readOrSkip(`/proc/${container.State.Pid}/mountinfo`));
          for (const mount of mounts.filter(({ at, type }) => type === 'tmpfs' && !ofTheEngine.test(at))) {
            const name = `${serviceOf(container)} ${mount.at}`;
            const flags = ['nosuid', 'nodev', ...(executable.has(name) ? [] : ['noexec'])];
            const bytes = sizeOf(mount);
            wrong.push(...flags.filter((flag) => !mount.options.has(flag)).map((flag) => `${name} without ${flag}`));
            if (bytes === undefined || bytes > TMPFS_BYTES_MAX)
              wrong.push(`${name} may grow to ${bytes ?? 'anything'}`);
            seen.push(`${name} ${(bytes ?? 0) / MIB}m`);
          }
        }
        none('mounted', wrong);
        return seen.join(', ');
      },
    },
    {
      name: 'memory and the number of processes are limited in the control groups',
      run: async ({ house }) => {
        const wrong: string[] = [];
        const seen: string[] = [];
        for (const container of await house.running()) {
          const memory = groupValue(container, 'memory', ['memory.max', 'memory.limit_in_bytes']);
          const processes = groupValue(container, 'pids', ['pids.max']);
          const name = serviceOf(container);
          if (!(memory <= 4096 * MIB)) wrong.push(`${name} may take ${memory} bytes of memory`);
          if (!(processes <= 1_024)) wrong.push(`${name} may start ${processes} processes`);
          seen.push(`${name} ${Math.round(memory / MIB)}m/${processes}`);
        }
        none('limits', wrong);
        return seen.join(', ');
      },
    },
    {
      name: 'logs are bounded, and every container comes back after a crash',
      run: async ({ house }) => {
        const containers = await house.running();
        const wrong = containers
          .filter(({ HostConfig: { LogConfig } }) => !LogConfig.Config['max-size'] || !LogConfig.Config['max-file'])
          .map((each) => `${serviceOf(each)} logs without bound`);
        const ended = containers
          .filter(({ HostConfig: { RestartPolicy } }) => RestartPolicy.Name !== 'unless-stopped')
          .map((each) => `${serviceOf(each)} is not started again`);
        none('wrong', [...wrong, ...ended]);
        return `${containers.length} containers`;
      },
    },
    {
      name: 'only the front door and the page of mails are published, on loopback',
      run: async ({ house }) => {
        const published = (await house.running()).flatMap((each) =>
          Object.entries(each.HostConfig.PortBindings ?? {}).flatMap(([inner, outer]) =>
            (outer ?? []).map(({ HostIp, HostPort }) => ({ service: serviceOf(each), inner, HostIp, HostPort })),
          ),
        );
        const ports = new Set([house.options.ports.front, house.options.ports.mail].map(String));
        none(
          'published',
          published
            .filter(({ HostIp, HostPort }) => HostIp !== '127.0.0.1' || !ports.has(HostPort))
            .map(({ service, inner, HostIp, HostPort }) => `${service} ${inner} at ${HostIp}:${HostPort}`),
        );
        holds(published.length === 2, `${published.length} ports are published`);
        return published.map(({ service, HostPort }) => `${service} ${HostPort}`).join(', ');
      },
    },
    {
      name: 'no secret stands in `docker inspect`, an argument, an environment, a log or `compose config`',
      run: async ({ house }) => {
        const secrets = secretsOf(house);
        holds(secrets.size >= 8, `only ${secrets.size} secrets were found in ${house.folder}/secrets`);
        const containers = await house.containers();
        const places: [string, string][] = [
          ['docker inspect', JSON.stringify(containers)],
          ['docker compose config', await house.composed(['config'])],
        ];
        for (const { service, pid, command } of await processesOf(house, await house.running())) {
          places.push([`the arguments of ${service}`, command]);
          places.push([`the environment of ${service}`, readText(`/proc/${pid}/environ`)]);
        }
        for (const each of containers) places.push([`the log of ${serviceOf(each)}`, await house.logs(each)]);
        const found = places.flatMap(([place, text]) =>
          [...secrets].filter(([, value]) => text.includes(value)).map(([name]) => `${name} in ${place}`),
        );
        none('secrets', [...new Set(found)]);
        return `${secrets.size} secrets, ${places.length} places`;
      },
    },
    {
      name: 'the files of secrets are in a folder that others cannot open',
      run: async ({ house }) => {
        const { stdout } = await house.compose(['config', '--format', 'json']);
        const { secrets = {} } = JSON.parse(stdout) as {
          secrets?: Record<string, { file?: string; environment?: string }>;
        };
        none(
          'secrets from an environment',
          Object.keys(secrets).filter((name) => secrets[name]!.environment),
        );
        const mode = (statSync(join(house.folder, 'secrets')).mode & 0o777).toString(8);
        holds(mode === '700', `the folder has mode ${mode}`);
        return `${Object.keys(secrets).length} secrets`;
      },
    },
  ],
};

/** The value of each file that `make-secrets.sh` made, by its name. */
function secretsOf(house: House): Map<string, string> {
  const folder = join(house.folder, 'secrets');
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const found = new Map(names.map((name) => [name, readText(join(folder, name)).trim()]));
  found.set('the credential of the provider', house.providerCredential);
  // What is not long enough to be one, as a password that is left empty, would be found everywhere.
  return new Map([...found].filter(([, value]) => value.length >= 16));
}

function groupValue({ State, Id }: Container, controller: string, names: readonly string[]): number {
  const groups = readOrSkip(`/proc/${State.Pid}/cgroup`)
    .trim()
    .split('\n')
    .map((line) => line.split(':'));
  const own =
    groups.find(([, controllers]) => controllers?.split(',').includes(controller)) ?? groups.find(([id]) => id === '0');
  const folders = [`/sys/fs/cgroup/${controller}${own?.[2]}`, `/sys/fs/cgroup${own?.[2]}`];
  const file = folders.flatMap((folder) => names.map((name) => join(folder, name))).find((each) => existsSync(each));
  if (file === undefined)
    throw new NotTried(`the control group ${controller} of ${Id.slice(0, 12)} cannot be seen from here`);
  const text = readFileSync(file, 'utf8').trim();
  return text === 'max' ? Infinity : Number(text);
}

function readOrSkip(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new NotTried(
      'the processes of containers cannot be seen from here: run this as root, on the machine of the engine',
    );
  }
}

/** Empty for what is gone meanwhile. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
