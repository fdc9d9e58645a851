import { setTimeout as pause } from 'node:timers/promises';
import { mendableFault, StartFault } from '@tollgate/app-process';
import { isFolder } from '@tollgate/folder-lock';
import { createLogger } from '@tollgate/telemetry';
import { readShippingConfig } from './config.js';
import { busOf, usageBillingOf } from './connections.js';
import { AdoptJournals } from './left-journals/adopt-journals.js';
import { JournalFolders } from './left-journals/journal-folders.js';

/**
 * Ships the journals on a volume that no gateway mounts any more, as after a gateway with a volume of its own was
 * scaled away: `node apps/gateway/dist/ship-journals.js`. It reads the environment of a gateway, of which it needs
 * `TOLLGATE_DATA`, Kafka's variables, `USAGE_BILLING_URL` and `TOLLGATE_SERVICE_SECRET`. It ends with 0 when all is
 * booked and the journals are removed, and else with 1 and a sentence for each journal that is left. It may be
 * repeated.
 */

const NAME = 'ship-journals';
/** A process counts as gone half a minute after its end; the rest is for Kafka and usage-billing to answer. */
const WAIT_MS_MAX = 5 * 60_000;
const LOOK_EVERY_MS = 1_000;

const tell = (line: string): void => void process.stdout.write(`${line}\n`);

/** Resolves with the exit code. */
async function run(): Promise<number> {
  const environment = readShippingConfig();
  const dataFolder = environment.TOLLGATE_DATA;
  if (!isFolder(dataFolder))
    throw new StartFault('TOLLGATE_DATA', `${dataFolder} is no folder; mount the volume there`);
  const folders = new JournalFolders(dataFolder);
  if (!folders.isOfGateway)
    throw new StartFault(
      'TOLLGATE_DATA',
      `${dataFolder} holds no journal, but other files; name the folder of a gateway`,
    );
  const logger = createLogger({ service: NAME, level: environment.LOG_LEVEL });
  const [bus, usageBilling] = [busOf(environment, NAME), usageBillingOf(environment)];
  const adoption = new AdoptJournals({ bus: bus.publisher, folders, logger, usageBilling });
  let shipped = 0;
  adoption.onAdopted(() => (shipped += 1));
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  tell(`looking for journals in ${dataFolder}`);
  try {
    const until = performance.now() + WAIT_MS_MAX;
    do {
      await adoption.look();
      if (adoption.left.length > 0)
        await pause(LOOK_EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    } while (adoption.left.length > 0 && performance.now() < until && !stop.signal.aborted);
    const left = [...adoption.left, ...adoption.inUse];
    await adoption.stop();
    tell(`${shipped} journal${shipped === 1 ? ' was' : 's were'} shipped, booked and removed`);
    for (const { folder, why } of left) process.stderr.write(`the journal ${folder} is left: ${why}\n`);
    return left.length === 0 ? 0 : 1;
  } finally {
    await Promise.allSettled([bus.close(), usageBilling.close()]);
  }
}

process.exitCode = await run().catch((error: unknown) => {
  process.stderr.write(
    `the journals were not shipped: ${mendableFault(error) ?? (error as Error).stack ?? String(error)}\n`,
  );
  return 1;
});
