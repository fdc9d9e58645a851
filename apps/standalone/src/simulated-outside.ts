import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SIMULATOR_NAME, type TollgateConfig } from '@tollgate/config';
import { providersInJournal } from '@tollgate/gateway';
import { startGithubSimulator } from '@tollgate/github-simulator';
import type { Database } from '@tollgate/postgres';
import { startProviderSimulator } from '@tollgate/provider-simulator';
import { usedOtherProviders } from '@tollgate/usage-billing';
import { planSimulation } from './simulation-plan.js';

/** Requests that the simulator remembers: nobody reads them here. */
const LOG_ENTRIES_MAX = 100;

/** What stands in for the outside world where nobody has an account anywhere yet. */
export interface Simulation {
  /** The names of the providers that are simulated. */
  readonly providers: readonly string[];
  /** A secret POSTed here is reported as leaked, as GitHub would. */
  readonly leakUrl: string;
  stop(): Promise<void>;
}

export interface Outside {
  /** What of it is simulated leads to the simulators. */
  readonly config: TollgateConfig;
  /** Null where no provider is simulated. */
  readonly simulation: Simulation | null;
  /** Why models are not served, in one line; null where all are. */
  readonly problem: string | null;
}

export interface OutsideOptions {
  readonly config: TollgateConfig;
  readonly setting: 'on' | 'off' | undefined;
  readonly dataFolder: string;
  readonly journalFolder: string;
  readonly database: Database;
  /** Asked for when a leak is reported. */
  readonly origin: () => string;
}

/**
 * The configuration, with simulators in the places of the providers and of GitHub where a plan says so: a first call
 * and a first leak work before anybody has an account anywhere.
 */
export async function withSimulatedOutside({
  config,
  setting,
  dataFolder,
  journalFolder,
  database,
  origin,
}: OutsideOptions): Promise<Outside> {
  const mark = join(dataFolder, 'simulated');
  const plan = await planSimulation({
    setting,
    providers: config.providers,
    simulatedBefore: existsSync(mark),
    // Usage that is not booked yet stands in the journal alone.
    usedForReal: async () =>
      [...providersInJournal(journalFolder)].some((name) => name !== SIMULATOR_NAME) ||
      usedOtherProviders(database.dataSource, SIMULATOR_NAME),
  });
  if (plan.simulated.length === 0)
    return { config: { ...config, providers: plan.providers }, simulation: null, problem: plan.problem };
  writeFileSync(mark, '', { mode: 0o600 });
  const provider = await startProviderSimulator({ logLimit: LOG_ENTRIES_MAX, shownProvider: SIMULATOR_NAME });
  const github = await startGithubSimulator({ webhookUrl: () => `${origin()}/webhooks/github/secret-scanning` });
  // It speaks as OpenAI does, whomever it stands in for.
  const simulator = { type: 'openai', apiVersion: null, baseUrl: provider.baseUrl, allowPrivateNetwork: true } as const;
  const providers = plan.providers.map((each) => (each.standIn === 'simulator' ? { ...each, ...simulator } : each));
  return {
    config: { ...config, providers, secretScanning: { github: { publicKeysUrl: github.publicKeysUrl } } },
    simulation: {
      providers: plan.simulated,
      leakUrl: github.leakUrl,
      stop: async () => {
        await Promise.all([provider.stop(), github.stop()]);
      },
    },
    problem: plan.problem,
  };
}
