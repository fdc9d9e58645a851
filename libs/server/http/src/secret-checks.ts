import { Counter, LogSampler, type Logger, type Registry } from '@tollgate/telemetry';
import { AddressAllowance } from './address-allowance.js';

/** Secrets that open more than one door: the operator's, and the one that services show each other. */
export type SecretKind = 'admin' | 'service';

/** The outcome of a check. `limited`: too many wrong secrets came from the address, so this one is refused. */
export type SecretCheck = 'right' | 'missing' | 'wrong' | 'limited';

/** Wrong secrets of an address that are compared at once, and then in each second. */
const GUESSES_BURST = 30;
const GUESSES_PER_SECOND = 5;
/** Addresses remembered because a right secret came from them. */
const PROVEN_MAX = 1_000;

/** Where checks are logged and counted. */
export interface SecretChecksOptions {
  readonly logger: Logger;
  /** Where checks are counted; without it they are not. */
  readonly registry?: Registry | undefined;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/**
 * Compares the secret that services show each other, counts how that ended, logs wrong ones by their address (never the
 * guess) and limits guessing: an address that has shown too many wrong ones is answered without comparing, so that it
 * cannot tell a right guess from a wrong one. An address from which the right secret has come before is compared all
 * the same: strangers there must not be able to keep a service from the others. Their wrong guesses are answered as
 * limited ones, and leave their traces. The admin secret is limited with the other credentials of callers
 * (`FailureLimits`), and only counted and logged here.
 */
export class SecretChecks {
  readonly #allowance: AddressAllowance;
  readonly #proven = new Set<string>();
  readonly #sampler: LogSampler;
  readonly #logger: Logger;
  readonly #checks: Counter<'secret' | 'outcome'> | null;

  constructor({ logger, registry, now }: SecretChecksOptions) {
    this.#allowance = new AddressAllowance({
      burst: GUESSES_BURST,
      perSecond: GUESSES_PER_SECOND,
      ...(now && { now }),
    });
    this.#sampler = new LogSampler(now);
    this.#logger = logger;
    this.#checks = registry === undefined ? null : checksCounter(registry);
  }

  /**
   * Compares what was given with the service secret: `matches` does it, in a time that depends on neither. `address` is
   * the caller's.
   */
  check(given: string | null, matches: (given: string) => boolean, address: string): SecretCheck {
    const outcome = this.#decide(given, matches, address);
    this.note('service', outcome, address);
    return outcome;
  }

  /** Counts a check, and logs one that failed. */
  note(secret: SecretKind, outcome: SecretCheck, address: string): void {
    this.#checks?.inc({ secret, outcome });
    if (outcome === 'wrong' || outcome === 'limited') this.#tell(secret, outcome, address);
  }

  /** For the `Retry-After` of a limited one. */
  get retryAfterSeconds(): number {
    return this.#allowance.retryAfterSeconds;
  }

  #decide(given: string | null, matches: (given: string) => boolean, address: string): SecretCheck {
    if (given === null) return 'missing';
    const allowed = this.#allowance.allows(address);
    if (!allowed && !this.#proven.has(address)) return 'limited';
    if (matches(given)) {
      this.#prove(address);
      return 'right';
    }
    this.#allowance.take(address);
    return allowed ? 'wrong' : 'limited';
  }

  #prove(place: string): void {
    if (this.#proven.delete(place)) {
      this.#proven.add(place);
      return;
    }
    const [oldest] = this.#proven;
    if (oldest !== undefined && this.#proven.size >= PROVEN_MAX) this.#proven.delete(oldest);
    this.#proven.add(place);
  }

  #tell(secret: SecretKind, outcome: 'wrong' | 'limited', address: string): void {
    const suppressed = this.#sampler.take(`${secret} ${outcome} ${address}`);
    if (suppressed === -1) return;
    const message =
      outcome === 'wrong'
        ? `a wrong ${secret} secret was shown`
        : `too many wrong ${secret} secrets came from an address: more are refused for the moment`;
    this.#logger.warn({ address, ...(suppressed > 0 && { suppressed }) }, message);
  }
}

function checksCounter(registry: Registry): Counter<'secret' | 'outcome'> {
  const counter = new Counter({
    name: 'tollgate_http_secret_checks_total',
    help: 'Secrets of operators and services that were asked for, by how the check ended',
    labelNames: ['secret', 'outcome'] as const,
    registers: [registry],
  });
  // A series that begins with its first event hides it from increase().
  for (const secret of ['admin', 'service'] as const) {
    for (const outcome of ['right', 'missing', 'wrong', 'limited'] as const) counter.inc({ secret, outcome }, 0);
  }
  return counter;
}
