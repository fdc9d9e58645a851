import { Injectable } from '@nestjs/common';
import { FailureLimits, Problem } from '@tollgate/http';

/** What came of a guess: the secret was right, with what follows from it, or wrong. */
export type Guess<T> = { readonly kind: 'right'; readonly value: T } | { readonly kind: 'wrong' };

/** Limits guessing of passwords and of the tokens in links, before anything secret is compared. */
@Injectable()
export class Attempts {
  constructor(private readonly failures: FailureLimits) {}

  /**
   * Runs an attempt at an account, and resolves with what came of it. It is a failure unless it was right, or something
   * of ours went wrong.
   * @throws {Problem} `rate_limit_exceeded` if too many have failed, before `guess` is called
   */
  async atAccount<T>(account: string, address: string, guess: () => Promise<Guess<T>>): Promise<Guess<T>> {
    const attempt = this.failures.begin(account, address);
    if (attempt.verdict === 'limited' || !(await attempt.turn())) throw tooMany(attempt.retryAfterSeconds);
    let outcome: Guess<T>;
    try {
      outcome = await guess();
    } catch (error) {
      attempt.abandoned();
      throw error;
    }
    if (outcome.kind === 'right') attempt.succeeded();
    return outcome;
  }

  /**
   * Refuses an address from which too many unknown tokens came.
   * @throws {Problem} `rate_limit_exceeded`
   */
  fromAddress(address: string): void {
    if (this.failures.refusesAddress(address)) throw tooMany(this.failures.addressRetryAfterSeconds);
  }

  /** The refusal of a token that is good for nothing. It counts for its address. */
  invalidLink(address: string): Problem {
    this.failures.failedFrom(address);
    return new Problem('invalid_link');
  }
}

function tooMany(retryAfterSeconds: number): Problem {
  return new Problem('rate_limit_exceeded', {
    detail: 'Too many attempts failed. Wait before the next one.',
    headers: { 'retry-after': String(retryAfterSeconds) },
  });
}
