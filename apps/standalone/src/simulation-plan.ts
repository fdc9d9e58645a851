import { lacksCredential, missingCredentials, type Provider } from '@tollgate/config';

/** What is known of an installation when it is decided whether a simulator answers. */
export interface SimulationFacts {
  readonly providers: readonly Provider[];
  /** TOLLGATE_SIMULATOR; undefined where it is not set. */
  readonly setting: 'on' | 'off' | undefined;
  /** A simulator has answered for the keys of this installation before. */
  readonly simulatedBefore: boolean;
  /**
   * Asked only where a simulator would answer: whether a real provider has answered for the keys of this installation.
   */
  readonly usedForReal: () => Promise<boolean>;
}

/** Who answers for each provider, and what a start says of it. */
export interface SimulationPlan {
  /** With `standIn` where it is not the provider itself. */
  readonly providers: readonly Provider[];
  /** The names of the providers that are simulated. */
  readonly simulated: readonly string[];
  /** What keeps routes from being served, in one line; null where all is well. */
  readonly problem: string | null;
}

const ANSWER = 'models without another target are answered 503 provider_not_configured';

/**
 * Decides whether a simulator answers in the place of providers. With `on` for all of them, with `off` for none; else
 * where nothing real is configured: every provider needs a credential and none has one. Once it has answered it stays
 * for those that need one, also beside a provider that needs none, until one of them has its credential. It never
 * answers for keys that a real provider has answered for: its replies would be taken, and charged, for real ones.
 */
export async function planSimulation(facts: SimulationFacts): Promise<SimulationPlan> {
  const { providers, setting, usedForReal } = facts;
  const missing = missingCredentials(providers);
  const notServed = missing === '' ? null : `${missing}; ${ANSWER}`;
  const candidates = candidatesOf(facts);
  if (candidates.length === 0) return { providers, simulated: [], problem: notServed };
  const isCandidate = new Set(candidates);
  if (!(await usedForReal())) {
    return {
      providers: providers.map((each): Provider => (isCandidate.has(each) ? { ...each, standIn: 'simulator' } : each)),
      simulated: candidates.map(({ name }) => name),
      problem: null,
    };
  }
  const why = 'the simulator does not answer here, since keys of this installation have been used with a real provider';
  return {
    providers: providers.map((each): Provider => (isCandidate.has(each) ? { ...each, standIn: 'nobody' } : each)),
    simulated: [],
    problem:
      setting === 'on'
        ? `TOLLGATE_SIMULATOR is on, and ${why}; name another TOLLGATE_DATA, or set it to off; ${notServed ?? ANSWER}`
        : `${notServed}; ${why}`,
  };
}

function candidatesOf({ providers, setting, simulatedBefore }: SimulationFacts): readonly Provider[] {
  if (setting === 'off') return [];
  if (setting === 'on') return providers;
  const needing = providers.filter(({ credentialVariable }) => credentialVariable !== null);
  const nothingReal = needing.every(lacksCredential) && (needing.length === providers.length || simulatedBefore);
  return nothingReal ? needing : [];
}
