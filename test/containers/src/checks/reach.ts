import { readFileSync } from 'node:fs';
import { reachableFrom } from '../house/call-from.js';
import { serviceOf, type Container } from '../house/house.js';
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

/** What may be reached beside what is needed, since a network is of hosts and not of ports. */
const tolerated = (from: string, to: string): boolean => {
  const [service] = to.split(':') as [string];
  const app = (name: string) => name in needs && name !== 'balancer';
  // The apps ask each other and share the operations listener's network.
  if (app(from) && app(service)) return true;
  // Who brings mails reaches the catcher's page too, and the balancer is on the network that publishes that page.
  return (
    service === 'mail' &&
    (to === 'mail:1025' || to === 'mail:8025') &&
    (from === 'balancer' || (app(from) && from !== 'gateway'))
  );
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
        const wayOut = new Set(['gateway', 'key-management', 'usage-billing', 'secret-scanning']);
        const containers = await house.running();
        const wrong = containers
          .filter((each) => hasDefaultRoute(each) && !wayOut.has(serviceOf(each)))
          .map((each) => serviceOf(each));
        none('with a way out', wrong);
        holds(
          containers.some((each) => serviceOf(each) === 'gateway' && hasDefaultRoute(each)),
          'the gateway has no way to its providers',
        );
        return containers.filter(hasDefaultRoute).map(serviceOf).join(', ');
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
