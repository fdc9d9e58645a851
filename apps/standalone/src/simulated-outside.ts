import type { TollgateConfig } from '@tollgate/config';
import { startGithubSimulator } from '@tollgate/github-simulator';
import { startProviderSimulator } from '@tollgate/provider-simulator';

/** Requests that the simulator remembers: nobody reads them here. */
const LOG_ENTRIES_MAX = 100;

/** What stands in for the outside world where nobody has an account anywhere yet. */
export interface Simulation {
  /** The variables that would have named a provider's credential. */
  readonly missing: readonly string[];
  /** A secret POSTed here is reported as leaked, as GitHub would. */
  readonly leakUrl: string;
  stop(): Promise<void>;
}

export interface Outside {
  readonly config: TollgateConfig;
  /** Null where the configured providers are used. */
  readonly simulation: Simulation | null;
}

/**
 * The configuration as it is, or, where every provider needs a credential and none has one, with simulators in the
 * places of the providers and of GitHub: a first call and a first leak work before anybody has an account anywhere.
 * `origin` is asked for when a leak is reported.
 */
export async function withSimulatedOutside(config: TollgateConfig, origin: () => string): Promise<Outside> {
  const missing = config.providers.flatMap(({ credential, credentialVariable }) => (credential === null && credentialVariable !== null ? [credentialVariable] : []));
  if (missing.length < config.providers.length) return { config, simulation: null };
  const provider = await startProviderSimulator({ logLimit: LOG_ENTRIES_MAX });
  const github = await startGithubSimulator({ webhookUrl: () => `${origin()}/webhooks/github/secret-scanning` });
  const providers = config.providers.map((each) => ({ ...each, baseUrl: provider.baseUrl, allowPrivateNetwork: true }));
  return {
    config: { ...config, providers, secretScanning: { github: { publicKeysUrl: github.publicKeysUrl } } },
    simulation: {
      missing,
      leakUrl: github.leakUrl,
      stop: async () => {
        await Promise.all([provider.stop(), github.stop()]);
      },
    },
  };
}
