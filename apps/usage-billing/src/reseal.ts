import { codeOf, mendableFault, StartFault } from '@tollgate/app-process';
import { readEnvironment } from '@tollgate/config';
import { openDatabase, ServiceDatabase } from '@tollgate/postgres';
import { sealingFrom } from '@tollgate/sealing';
import { resealEnvironment, sealingSecrets } from './config.js';
import { resealBilling } from './store/sealed-texts.js';

/**
 * Encrypts under the present key what usage-billing has under the previous one: `npm run reseal`. It is run once all
 * its processes know the present key, and before the previous one is taken from them.
 */

/** No such schema, table, column, role or function; no right to it. */
const NOT_REACHED = ['3F000', '42P01', '42703', '22023', '42883', '42501'];

async function run(): Promise<void> {
  const given = readEnvironment(resealEnvironment, process.env);
  const setting = given.USAGE_BILLING_DATABASE_URL === undefined ? 'DATABASE_URL' : 'USAGE_BILLING_DATABASE_URL';
  const url = given[setting];
  if (url === undefined) throw new StartFault(setting, 'must be set to the database of usage-billing');
  const sealing = sealingFrom(sealingSecrets(given), { alone: true });
  const database = await openDatabase({ url, poolSize: 1, applicationName: 'reseal' }).catch((error: unknown) => {
    throw new StartFault(setting, 'the server cannot be reached, or refuses the login', error);
  });
  try {
    const { resealed, unreadable } = await resealBilling(new ServiceDatabase(database.dataSource, 'billing'), sealing);
    process.stdout.write(`${resealed} texts of usage-billing were encrypted anew under the key ${sealing.keyIds[0]}\n`);
    if (unreadable === 0) return;
    process.stderr.write(`${unreadable} of its texts are encrypted under a key that is not given, and stay\n`);
    process.exitCode = 1;
  } catch (error) {
    if (!NOT_REACHED.includes(codeOf(error) ?? '')) throw error;
    const what = 'this login does not reach the tables of usage-billing: give its own as USAGE_BILLING_DATABASE_URL';
    throw new StartFault(setting, what, error);
  } finally {
    await database.close();
  }
}

run().catch((error: unknown) => {
  process.stderr.write(`reseal failed: ${mendableFault(error) ?? (error as Error).stack ?? String(error)}\n`);
  process.exitCode = 1;
});
