import { RedisAdmissionBooks } from '@tollgate/admission';
import { mendableFault } from '@tollgate/app-process';
import { readEnvironment } from '@tollgate/config';
import { formatUsd } from '@tollgate/credit';
import { openDatabase, ServiceDatabase } from '@tollgate/postgres';
import { connectRedis, storeKnown } from '@tollgate/redis';
import { rebuildEnvironment } from './config.js';
import { mendUsage, type FoundDifference } from './ledger/compare-usage/mend-usage.js';
import { rebuild } from './ledger/reconcile/rebuild.js';

/**
 * Computes all balances from the transfers of the ledger, compares all usage, and prints what differs:
 * `npm run ledger:rebuild`.
 */

const USAGE = `usage: npm run ledger:rebuild             compares, and changes nothing
       npm run ledger:rebuild -- --write  corrects balances and roll-ups; needs REDIS_URL`;
const REDIS_WITHIN_MS = 5_000;

const tell = (line: string): void => void process.stdout.write(`${line}\n`);

function tellUsage(difference: FoundDifference, isToWrite: boolean): void {
  const { book, organizationId, fromMs, toMs, isMendable } = difference;
  const [from, to] = [fromMs, toMs].map((ms) => new Date(ms).toISOString());
  tell(
    `${book} of ${organizationId} from ${from} to ${to} has ${difference.hasRequests ?? 'no count of'} requests and ` +
      `${formatUsd(difference.hasChargeNanoUsd)} USD, most others ${difference.requests} and ` +
      `${formatUsd(difference.chargeNanoUsd)} USD, and differs in ${difference.sums.join(', ')}` +
      (isMendable ? (isToWrite ? ': computed anew' : '') : ': the events cannot mend it'),
  );
}

/** Resolves with the exit code: 0 if all balances and sums are right, 1 if some are not, 2 if that was not found. */
async function run([option, ...more]: readonly string[]): Promise<number> {
  const given = readEnvironment(rebuildEnvironment, process.env);
  const isToWrite = option === '--write';
  if (more.length > 0 || (option !== undefined && !isToWrite) || (isToWrite && given.REDIS_URL === undefined)) {
    tell(USAGE);
    return 2;
  }
  const database = await openDatabase({ url: given.DATABASE_URL, poolSize: 2, applicationName: 'ledger-rebuild' });
  const redis = isToWrite
    ? connectRedis({ url: given.REDIS_URL!, ca: given.REDIS_CA_FILE?.pem, name: 'ledger-rebuild' })
    : null;
  try {
    if (redis !== null) await storeKnown(redis, REDIS_WITHIN_MS);
    const books = redis === null ? null : new RedisAdmissionBooks(redis);
    const service = new ServiceDatabase(database.dataSource, 'billing');
    const { accounts, wrong } = await rebuild(
      service,
      books === null ? null : (organizationId) => books.closeEpoch(organizationId),
    );
    for (const { accountId, organizationId, postedNanoUsd, transfersNanoUsd } of wrong)
      tell(
        `${accountId} of ${organizationId}: ${formatUsd(postedNanoUsd)} USD is posted, its transfers add up to ` +
          `${formatUsd(transfersNanoUsd)} USD${isToWrite ? ': corrected' : ''}`,
      );
    tell(`${accounts} accounts were compared, ${wrong.length} differ`);
    const ofUsage = await mendUsage(service, isToWrite);
    for (const difference of ofUsage) tellUsage(difference, isToWrite);
    tell(`all usage was compared, ${ofUsage.length} sums of a time differ`);
    return wrong.length + ofUsage.length === 0 ? 0 : 1;
  } finally {
    await redis?.close();
    await database.close();
  }
}

process.exitCode = await run(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`the balances were not compared: ${mendableFault(error) ?? String(error)}\n`);
  return 2;
});
