import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

const lua = (name: string): string => readFileSync(new URL(`../src/lua/${name}.lua`, import.meta.url), 'utf8');

/**
 * What a script does while Redis has no memory left: `runs`, since it ends or corrects what is there, or `refused`,
 * before its first command, since it takes on something new. Redis 7.0 reads that in the first line of a script.
 */
type WhenFull = 'runs' | 'refused';
const FIRST_LINE: Readonly<Record<WhenFull, string>> = { runs: '#!lua flags=allow-oom', refused: '#!lua' };

type ScriptName =
  | 'admit'
  | 'settle'
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
const FILES: Readonly<Record<ScriptName, { readonly files: readonly string[]; readonly whenFull: WhenFull }>> = {
  admit: { files: ['admit'], whenFull: 'refused' },
  // The same script, for a batch without reserves.
  settle: { files: ['admit'], whenFull: 'runs' },
  openEpoch: { files: ['open-epoch'], whenFull: 'refused' },
  loadAccounts: { files: ['load-accounts'], whenFull: 'runs' },
  carry: { files: ['place-new', 'carry'], whenFull: 'runs' },
  dropAccounts: { files: ['drop-accounts'], whenFull: 'runs' },
  announce: { files: ['place-new', 'announce'], whenFull: 'runs' },
  settleBooked: { files: ['settle-booked'], whenFull: 'runs' },
  stopWaiting: { files: ['stop-waiting'], whenFull: 'runs' },
  noteRefusals: { files: ['note-refusals'], whenFull: 'runs' },
  forgetTold: { files: ['forget-told'], whenFull: 'runs' },
  forgetRefusing: { files: ['forget-refusing'], whenFull: 'runs' },
};
/** Single commands that Redis would refuse without memory left, each as a script that it runs then too. */
const COMMANDS = { putField: 'put-field', addMember: 'add-member' } as const;

type ScriptClient = Redis &
  Record<ScriptName | keyof typeof COMMANDS, (key: string, ...args: (string | number)[]) => Promise<unknown>>;

/**
 * Adds this library's scripts to the client as commands with one key. ioredis sends them by their SHA, and loads them
 * if the server does not know them. It is called before every command; the files are read once for each client.
 */
export function withScripts(client: Redis): ScriptClient {
  if ('admit' in client) return client as ScriptClient;
  const shared = lua('organization');
  const define = (name: string, parts: readonly string[]): void =>
    client.defineCommand(name, { numberOfKeys: 1, lua: parts.join('\n') });
  for (const [name, { files, whenFull }] of Object.entries(FILES))
    define(name, [FIRST_LINE[whenFull], shared, ...files.map(lua)]);
  for (const [name, file] of Object.entries(COMMANDS)) define(name, [FIRST_LINE.runs, lua(file)]);
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
/** Whether Redis has run nothing of a script, because it has no memory left for what the script takes on. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('OOM ');
}
