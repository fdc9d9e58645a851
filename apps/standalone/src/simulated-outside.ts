import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SIMULATOR_NAME, type Provider, type TollgateConfig } from '@tollgate/config';
import { providersInJournal } from '@tollgate/gateway';
import { startGithubSimulator } from '@tollgate/github-simulator';
import { ServiceDatabase, type Database } from '@tollgate/postgres';
import { startProviderSimulator } from '@tollgate/provider-simulator';
import { usedOtherProviders } from '@tollgate/usage-billing';
import { planSimulation } from './simulation-plan.js';

/** The number of requests that the simulator keeps in memory. It is small, since the standalone never reads them. */
const LOG_ENTRIES_MAX = 100;

/** The running simulators of providers and of GitHub, for operators who have no account with a provider yet. */
export interface Simulation {
  /** The names of the providers that are simulated. */
  readonly providers: readonly string[];
  /** The simulator reports a secret that is POSTed here as leaked, as GitHub would. */
  readonly leakUrl: string;
  stop(): Promise<void>;
}

/** The providers and the GitHub that an instance talks to, real or simulated. */
export interface Outside {
  /** The configuration, in which simulated parts have the simulators' addresses. */
  readonly config: TollgateConfig;
  /** Null if no provider is simulated. */
  readonly simulation: Simulation | null;
  /** The reason why some or all models are not served, in one line; null if all are. */
  readonly problem: string | null;
}

export interface OutsideOptions {
  readonly config: TollgateConfig;
  readonly setting: 'on' | 'off' | undefined;
  readonly dataFolder: string;
  readonly journalFolder: string;
  readonly database: Database;
  /** Returns the public address of this process; called when a leak is reported. */
  readonly origin: () => string;
}

/**
 * Starts simulators of the providers and of GitHub if `planSimulation` decides so, and returns the configuration that
 * uses them. With them a first call and a first leak can be tried without an account anywhere.
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
    // The journal is read too, because usage that is not booked yet is only there.
    usedForReal: async () =>
      [...providersInJournal(journalFolder)].some((name) => name !== SIMULATOR_NAME) ||
      usedOtherProviders(new ServiceDatabase(database.dataSource, 'billing'), SIMULATOR_NAME),
  });
  if (plan.simulated.length === 0)
    return { config: { ...config, providers: plan.providers }, simulation: null, problem: plan.problem };
  writeFileSync(mark, '', { mode: 0o600 });
  const provider = await startProviderSimulator({ logLimit: LOG_ENTRIES_MAX, shownProvider: SIMULATOR_NAME });
  const github = await startGithubSimulator({ webhookUrl: () => `${origin()}/webhooks/github/secret-scanning` });
  // The simulator speaks Anthropic's API and OpenAI's, and the latter in place of all other providers.
  const simulator = { apiVersion: null, baseUrl: provider.baseUrl, allowPrivateNetwork: true };
  const typeOf = ({ type }: Provider): Provider['type'] => (type === 'anthropic' ? type : 'openai');
  const providers = plan.providers.map((each) =>
    each.standIn === 'simulator' ? { ...each, ...simulator, type: typeOf(each) } : each,
  );
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
