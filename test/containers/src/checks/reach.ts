import { readFileSync } from 'node:fs';
import { reachableFrom } from '../house/call-from.js';
import { serviceOf, type Container, type House } from '../house/house.js';
import { holds, none, type Part } from './check.js';

/** What somebody may want to connect to, of each service. */
const ports: Readonly<Record<string, readonly number[]>> = {
  balancer: [8080],
  gateway: [8080, 9090],
  'key-management': [8080, 9090],
  'usage-billing': [8080, 9090],
  'secret-scanning': [8080, 9090],
  postgres: [5432],
  redis: [6379],
  kafka: [9092, 9093, 9094],
  mail: [1025, 8025],
};

const services = ['key-management:8080', 'usage-billing:8080', 'secret-scanning:8080'];

/** Whom each must reach for its work. */
const needs: Readonly<Record<string, readonly string[]>> = {
  balancer: ['gateway:8080', 'gateway:9090'],
  gateway: [...services, 'redis:6379', 'kafka:9092'],
  'key-management': ['usage-billing:8080', 'postgres:5432', 'redis:6379', 'kafka:9092', 'mail:1025'],
  'usage-billing': ['key-management:8080', 'postgres:5432', 'redis:6379', 'kafka:9092', 'mail:1025'],
  'secret-scanning': ['key-management:8080', 'usage-billing:8080', 'postgres:5432', 'kafka:9092', 'mail:1025'],
};

/** What may be reached beside what is needed, since a network is of hosts and lets both ends begin. */
const tolerated = (from: string, to: string): boolean => {
  const [service] = to.split(':') as [string];
  // The front door is for everybody. The page of mails is published on the network of the front door, and is of the
  // host that apps bring their mails to.
  if (to === 'balancer:8080') return true;
  if (service === 'mail') return from === 'balancer' || needs[from]?.includes('mail:1025') === true;
  const serves = (one: string, other: string) => needs[one]?.some((need) => need.startsWith(`${other}:`)) === true;
  const app = (name: string) => name in needs && name !== 'balancer';
  // The apps share a network, and who is asked could ask back.
  return (app(from) && app(service)) || serves(service, from);
};

export const reach: Part = {
  name: 'Who reaches whom',
  checks: [
    {
      name: 'each service reaches what it needs, and nobody reaches a store that it has no business with',
      run: async ({ house }) => {
        const containers = await house.running();
        const addresses = new Map(containers.flatMap((each) => addressesOf(each)));
        const wrong: string[] = [];
        const table: string[] = [];
        for (const from of containers) {
          const others = [...addresses].filter(([, name]) => !name.startsWith(`${serviceOf(from)}:`));
          const reached = await reachableFrom(
            house,
            from,
            others.map(([address]) => address),
          );
          const names = new Set([...reached].map((address) => addresses.get(address)!));
          const wanted = needs[serviceOf(from)] ?? [];
          wrong.push(...wanted.filter((to) => !names.has(to)).map((to) => `${serviceOf(from)} cannot reach ${to}`));
          const surplus = [...names].filter((to) => !wanted.includes(to) && !tolerated(serviceOf(from), to));
          wrong.push(...surplus.map((to) => `${serviceOf(from)} reaches ${to}`));
          table.push(`${serviceOf(from)} ${names.size}`);
        }
        none('connections', wrong);
        return `of ${addresses.size} addresses: ${table.join(', ')}`;
      },
    },
    {
      name: 'only those who call out have a way out',
      run: async ({ house }) => {
        const callers = new Set(['gateway', 'key-management', 'usage-billing', 'secret-scanning']);
        const networks = await leadingOut(house);
        const containers = await house.running();
        const out = containers.filter(
          (each) =>
            hasDefaultRoute(each) && Object.keys(each.NetworkSettings.Networks).some((name) => networks.has(name)),
        );
        const names = [...new Set(out.map(serviceOf))];
        none(
          'with a way out',
          names.filter((name) => !callers.has(name)),
        );
        holds(names.includes('gateway'), 'the gateway has no way to its providers');
        return names.join(', ');
      },
    },
  ],
};

function addressesOf(container: Container): [string, string][] {
  const own = ports[serviceOf(container)] ?? [];
  return Object.values(container.NetworkSettings.Networks).flatMap(({ IPAddress }) =>
    IPAddress === ''
      ? []
      : own.map((port): [string, string] => [`${IPAddress}:${port}`, `${serviceOf(container)}:${port}`]),
  );
}

/** Whether its table of routes has one for all addresses. */
function hasDefaultRoute({ State }: Container): boolean {
  return readFileSync(`/proc/${State.Pid}/net/route`, 'utf8')
    .split('\n')
    .slice(1)
    .some((line) => line.split('\t')[1] === '00000000');
}

/** Networks whose addresses the engine translates on their way out; answers find nobody else. */
async function leadingOut(house: House): Promise<Set<string>> {
  const label = `label=com.docker.compose.project=${house.project}`;
  const names = (await house.docker(['network', 'ls', '--quiet', '--filter', label])).split('\n');
  const networks = JSON.parse(await house.docker(['network', 'inspect', ...names])) as {
    Name: string;
    Internal: boolean;
    Options: Record<string, string> | null;
  }[];
  const open = networks.filter(
    ({ Internal, Options }) => !Internal && Options?.['com.docker.network.bridge.enable_ip_masquerade'] !== 'false',
  );
  return new Set(open.map(({ Name }) => Name));
}
