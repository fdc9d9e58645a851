import type { Exchange } from './exchange/exchange.js';
import type { Refusal } from './exchange/refusal.js';

/** What a step says: a refusal, or nothing where the request goes on. */
type Outcome = Refusal | undefined | Promise<Refusal | undefined>;

/** One step of the path. `State` is what it needs to be there. */
export type Step<State extends Exchange> = (exchange: State) => Outcome;

/**
 * Steps in their order. A step can only be added behind those that fill in what it needs: the list knows the state to
 * which the steps so far bring an exchange. A step that lets a request go on without having brought it there is a bug,
 * and is found at once.
 */
export class StepList<State extends Exchange> {
  private constructor(readonly steps: readonly Step<Exchange>[]) {}

  static begin(): StepList<Exchange> {
    return new StepList<Exchange>([]);
  }

  /** Adds a step. */
  then(step: Step<State>): StepList<State> {
    return new StepList<State>([...this.steps, step as Step<Exchange>]);
  }

  /** Adds a step that brings the exchange to another state, which is checked. */
  reach<Next extends State>(is: (exchange: Exchange) => exchange is Next, step: Step<State>): StepList<Next> {
    const check: Step<Exchange> = (exchange) => {
      if (!is(exchange)) throw new Error(`a request went on that is not ready: ${is.name}`);
      return undefined;
    };
    return new StepList<Next>([...this.steps, step as Step<Exchange>, check]);
  }

  /** The exchange as it is when all steps have let it go on. */
  through(exchange: Exchange): State {
    return exchange as State;
  }
}
