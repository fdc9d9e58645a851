import type { Exchange } from './exchange/exchange.js';
import type { OwnAnswer } from './exchange/own-answer.js';
import type { Refusal } from './exchange/refusal.js';

/** How a step ends a request; undefined if the request goes on. */
type End = Refusal | OwnAnswer | undefined;
type Outcome = End | Promise<End>;

/** One step of the path. `State` is the state of the exchange that it requires. */
export type Step<State extends Exchange> = (exchange: State) => Outcome;

/**
 * The steps in order. A step can only be added after those that fill in what it needs: the list's type is the state to
 * which its steps bring an exchange. If a step lets a request go on without that state, it throws at once, since this
 * is a bug.
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

  /** Adds a step after which the exchange must be in another state. This is checked for each request. */
  reach<Next extends State>(is: (exchange: Exchange) => exchange is Next, step: Step<State>): StepList<Next> {
    const check: Step<Exchange> = (exchange) => {
      if (!is(exchange)) throw new Error(`a step let a request go on before it is ready: ${is.name}`);
      return undefined;
    };
    return new StepList<Next>([...this.steps, step as Step<Exchange>, check]);
  }

  /** The exchange in the state that it has after all steps. */
  through(exchange: Exchange): State {
    return exchange as State;
  }
}
