import { mendableFault } from '@tollgate/app-process';
import { readEnvironment } from '@tollgate/config';
import { ServiceDatabase } from '@tollgate/postgres';
import { sealingFrom } from '@tollgate/sealing';
import { resealEnvironment, sealingSecrets } from './config.js';
import { reseal } from './store/sealed-texts.js';
import { withCommandDatabase } from './store/with-command-database.js';

/**
 * Encrypts under the present key what is encrypted under the previous one. It is run once all processes of
 * key-management know the present key, and before the previous one is taken from them.
 */

async function run(): Promise<void> {
  const given = readEnvironment(resealEnvironment, process.env);
  const sealing = sealingFrom(sealingSecrets(given), { alone: true });
  const { resealed, unreadable } = await withCommandDatabase(
    { url: given.DATABASE_URL, applicationName: 'reseal' },
    (database) => reseal(new ServiceDatabase(database.dataSource, 'keys'), sealing),
  );
  process.stdout.write(`${resealed} texts were encrypted anew under the key ${sealing.keyIds[0]}\n`);
  if (unreadable === 0) return;
  process.stderr.write(`${unreadable} texts are encrypted under a key that is not given, and stay as they are\n`);
  process.exitCode = 1;
}

run().catch((error: unknown) => {
  process.stderr.write(`reseal failed: ${mendableFault(error) ?? (error as Error).stack ?? String(error)}\n`);
  process.exitCode = 1;
});
