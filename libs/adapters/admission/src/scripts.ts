import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

const lua = (name: string): string => readFileSync(new URL(`../src/lua/${name}.lua`, import.meta.url), 'utf8');

type ScriptName =
  | 'admit'
  | 'openEpoch'
  | 'loadAccounts'
  | 'carry'
  | 'dropAccounts'
  | 'announce'
  | 'settleBooked'
  | 'stopWaiting'
  | 'noteRefusals'
  | 'forgetTold'
  | 'forgetRefusing';
/** The files of each script, in their order, behind what all have in common. */
const FILES: Readonly<Record<ScriptName, readonly string[]>> = {
  admit: ['admit'],
  openEpoch: ['open-epoch'],
  loadAccounts: ['load-accounts'],
  carry: ['place-new', 'carry'],
  dropAccounts: ['drop-accounts'],
  announce: ['place-new', 'announce'],
  settleBooked: ['settle-booked'],
  stopWaiting: ['stop-waiting'],
  noteRefusals: ['note-refusals'],
  forgetTold: ['forget-told'],
  forgetRefusing: ['forget-refusing'],
};

type ScriptClient = Redis & Record<ScriptName, (key: string, ...args: (string | number)[]) => Promise<unknown>>;

/**
 * Adds this library's scripts to the client as commands with one key. ioredis sends them by their SHA, and loads them
 * if the server does not know them. It is called before every command; the files are read once for each client.
 */
export function withScripts(client: Redis): ScriptClient {
  if ('admit' in client) return client as ScriptClient;
  const shared = lua('organization');
  for (const [name, files] of Object.entries(FILES))
    client.defineCommand(name, { numberOfKeys: 1, lua: [shared, ...files.map(lua)].join('\n') });
  return client as ScriptClient;
}

/**
 * The hash of one organisation. The braces keep its keys in one slot of a cluster. The number is the version of the
 * format: gateways with different versions never read each other's hash, and an epoch waits for those that do not
 * announce.
 */
export const organizationKey = (organizationId: string): string => `tollgate:{${organizationId}}:admission:2`;
/** The organisation of such a key. */
export const organizationOf = (key: string): string => key.slice(key.indexOf('{') + 1, key.lastIndexOf('}'));
/** For a limit: the version of it that each journal's gateway has confirmed. */
export const shippedKey = (organizationId: string, limitId: string): string =>
  `tollgate:{${organizationId}}:shipped:${limitId}`;
/** Lease of each gateway instance. */
export const LEASES_KEY = 'tollgate:gateways';
/**
 * Organisations with refusals that nobody was told of yet, each with a value that is new with every refusal. It is in a
 * slot of its own, so a gateway writes it after the mark; if it dies in between, the next refusal does.
 */
export const REFUSING_KEY = 'tollgate:refusing';
/** Organisations whose epochs wait for this instance. */
export const waitingKey = (instanceId: string): string => `tollgate:waiting:${instanceId}`;
