import { lacksCredential, missingCredentials, needsCredential, type Provider } from '@tollgate/config';

/** The facts by which it is decided whether a simulator answers. */
export interface SimulationFacts {
  readonly providers: readonly Provider[];
  /** The value of TOLLGATE_SIMULATOR; undefined if it is not set. */
  readonly setting: 'on' | 'off' | undefined;
  /** True if a simulator has answered requests of this installation's keys before. */
  readonly simulatedBefore: boolean;
  /**
   * Says whether a real provider has answered requests of this installation's keys. It is called only if a simulator
   * would answer otherwise.
   */
  readonly usedForReal: () => Promise<boolean>;
}

/** The decision which providers are simulated, and what the start should print about it. */
export interface SimulationPlan {
  /** All providers; `standIn` is set on those that do not answer themselves. */
  readonly providers: readonly Provider[];
  /** The names of the providers that are simulated. */
  readonly simulated: readonly string[];
  /** The reason why some routes are not served, in one line; null if all are. */
  readonly problem: string | null;
}

const ANSWER = 'models without another target are answered 503 provider_not_configured';

/**
 * Decides whether a simulator answers in place of the providers. With `on` it answers for all of them, with `off` for
 * none. Without a setting it answers only if no real provider is configured, that is, if every provider needs a
 * credential and none has one. Once it has answered, it stays for the providers that need a credential, even beside a
 * provider that needs none, until one of them has its credential. It never answers if a real provider has answered for
 * keys of this installation, because its replies would be mistaken for real ones, and charged.
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
  const needing = providers.filter(needsCredential);
  const nothingReal = needing.every(lacksCredential) && (needing.length === providers.length || simulatedBefore);
  return nothingReal ? needing : [];
}
