import type { TollgateConfig } from '@tollgate/config';
import { startProviderSimulator, type ProviderSimulator } from '@tollgate/provider-simulator';

/** Requests that the simulator remembers: nobody reads them here. */
const LOG_ENTRIES_MAX = 100;

export interface Providers {
  readonly config: TollgateConfig;
  /** Null where the configured providers are used. */
  readonly simulator: ProviderSimulator | null;
  /** The variables that would have named a credential. */
  readonly missing: readonly string[];
}

/**
 * The configuration as it is, or, where every provider needs a credential and none has one, with a provider simulator
 * in the place of each: a first call works before anybody has an account anywhere.
 */
export async function withSimulatedProviders(config: TollgateConfig): Promise<Providers> {
  const missing = config.providers.flatMap(({ credential, credentialVariable }) => (credential === null && credentialVariable !== null ? [credentialVariable] : []));
  if (missing.length < config.providers.length) return { config, simulator: null, missing };
  const simulator = await startProviderSimulator({ logLimit: LOG_ENTRIES_MAX });
  const providers = config.providers.map((provider) => ({ ...provider, baseUrl: simulator.baseUrl, allowPrivateNetwork: true }));
  return { config: { ...config, providers }, simulator, missing };
}
