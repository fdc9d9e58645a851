import type { Behaviour, StandingBehaviour } from './behaviour.js';

/** Hands out the standing behaviour, request by request, and counts `first_n` down. */
export class StandingBehaviours {
  private behaviour: Behaviour = {};
  private remaining = Infinity;

  /** Replaces what stood before; nothing is merged. */
  set({ first_n, ...behaviour }: StandingBehaviour): void {
    this.behaviour = behaviour;
    this.remaining = first_n ?? Infinity;
  }

  /** The behaviour of the next request. */
  take(): Behaviour {
    if (this.remaining <= 0) return {};
    this.remaining -= 1;
    return this.behaviour;
  }

  /** What the next request would get; `first_n` is what is left of it. */
  current(): StandingBehaviour {
    if (this.remaining <= 0) return {};
    return this.remaining === Infinity ? this.behaviour : { ...this.behaviour, first_n: this.remaining };
  }
}
