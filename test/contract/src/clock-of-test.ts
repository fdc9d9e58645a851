import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Redis } from 'ioredis';

const FILES = {
  admit: ['admit'],
  settle: ['admit'],
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
/** Scripts without a clock. */
const COMMANDS = { putField: 'put-field', addMember: 'add-member' };

/** The key from which admission's scripts read the time of an organisation, in microseconds since 1970. */
export const clockKey = (organizationId: string): string => `tollgate:{${organizationId}}:admission:2:clock`;

/**
 * Loads admission's scripts, changed to read the time from a key: a test cannot set the clock of Redis. Call it before
 * admission is made on the client.
 */
export function readClockOfTest(client: Redis): void {
  const file = (name: string): string =>
    readFileSync(
      fileURLToPath(new URL(`../../../libs/adapters/admission/src/lua/${name}.lua`, import.meta.url)),
      'utf8',
    );
  const shared = file('organization').replace(/redis\.call\('TIME'\)/, "{ 0, redis.call('GET', KEY .. ':clock') }");
  if (!shared.includes(":clock'")) throw new Error('the scripts no longer read the time by TIME as this test expects');
  for (const [name, files] of Object.entries(FILES))
    client.defineCommand(name, { numberOfKeys: 1, lua: [shared, ...files.map(file)].join('\n') });
  for (const [name, each] of Object.entries(COMMANDS)) client.defineCommand(name, { numberOfKeys: 1, lua: file(each) });
}
