import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, portsFree, StartFault } from '@tollgate/app-process';
import {
  lacksCredential,
  missingCredentials,
  SIMULATOR_NAME,
  type Provider,
  type TollgateConfig,
} from '@tollgate/config';
import { providersInJournal } from '@tollgate/gateway';
import { ServiceDatabase, type Database } from '@tollgate/postgres';
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
  /** Where the simulator of GitHub listens. Port 0 is a free one. */
  readonly leaks: { readonly host: string; readonly port: number };
}

/**
 * Starts simulators of the providers and of GitHub if `planSimulation` decides so, and returns the configuration that
 * uses them. With them a first call and a first leak can be tried without an account anywhere.
 * @throws {StartFault} if simulators should answer, and this installation has none
 */
export async function withSimulatedOutside({
  config,
  setting,
  dataFolder,
  journalFolder,
  database,
  origin,
  leaks,
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
  const { startProviderSimulator, startGithubSimulator } = await simulators(setting, config.providers);
  await portsFree([{ ...leaks, hostVariable: 'TOLLGATE_LEAK_HOST', portVariable: 'TOLLGATE_LEAK_PORT' }]);
  writeFileSync(mark, '', { mode: 0o600 });
  const provider = await startProviderSimulator({ logLimit: LOG_ENTRIES_MAX, shownProvider: SIMULATOR_NAME });
  const github = await startGithubSimulator({
    ...leaks,
    webhookUrl: () => `${origin()}/webhooks/github/secret-scanning`,
  });
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

/** The simulators are no part of the image that is released: an installation with real keys has nothing to pretend. */
async function simulators(setting: OutsideOptions['setting'], providers: readonly Provider[]) {
  try {
    const [provider, github] = await Promise.all([
      import('@tollgate/provider-simulator'),
      import('@tollgate/github-simulator'),
    ]);
    return { ...provider, ...github };
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw noSimulator(setting, providers, error);
  }
}

/** What the start says where simulators should answer, and there are none. */
export function noSimulator(
  setting: OutsideOptions['setting'],
  providers: readonly Provider[],
  cause?: unknown,
): StartFault {
  const where = 'there is no simulator in this installation (the image that is built with --target demo has one)';
  const variable = providers.find(lacksCredential)?.credentialVariable ?? null;
  if (setting === 'on' || variable === null)
    return new StartFault('TOLLGATE_SIMULATOR', `is on, and ${where}; set it to off, or leave it out`, cause);
  return new StartFault(variable, `must be set: ${missingCredentials(providers)}, and ${where}`, cause);
}
