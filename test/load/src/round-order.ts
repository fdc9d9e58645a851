import type { Subject } from './loads.js';
import { isPaced, type Scenario } from './scenarios.js';

/** A stretch of load: the scenario's, on a subject, for so long. */
export interface Part {
  readonly scenario: string;
  readonly subject: Subject;
  readonly seconds: number;
}

/** About how long two builds that are compared have the load before it goes to the other one. */
const PART_SECONDS = 2;

export interface RoundOptions {
  /** Length of a window. */
  readonly seconds: number;
  /** Whether the former build is measured with a scenario as well. */
  readonly compared: (scenario: Scenario) => boolean;
}

/**
 * The load of a round, for scenarios that share a floor, in order: for the floor and for each scenario the parts of
 * which its windows are made. The floor goes first in every other round, so that neither it nor the gateways always
 * have the machine that the others left.
 *
 * The pace of a machine changes within seconds. So two builds that are compared take turns every two seconds until
 * each has had its window, and which of them goes first changes from turn to turn, from scenario to scenario and from
 * round to round. Paced streams, of which each takes as long as such a turn, are one part.
 */
export function partsOfRound(
  round: number,
  floor: string,
  scenarios: readonly Scenario[],
  { seconds, compared }: RoundOptions,
): Part[][] {
  const groups = scenarios.map((scenario, n): Part[] => {
    if (!compared(scenario)) return [{ scenario: scenario.name, subject: 'gateway', seconds }];
    return (isPaced(scenario) ? [seconds] : partLengths(seconds, PART_SECONDS)).flatMap((length, turn) => {
      const order: Subject[] = (round + n + turn) % 2 === 0 ? ['gateway', 'former'] : ['former', 'gateway'];
      return order.map((subject) => ({ scenario: scenario.name, subject, seconds: length }));
    });
  });
  const ofFloor: Part[] = [{ scenario: floor, subject: 'floor', seconds }];
  return round % 2 === 0 ? [ofFloor, ...groups] : [...groups, ofFloor];
}

/** Splits a time into parts of about so many seconds, at least one: whole seconds, as the load generator takes them. */
export function partLengths(seconds: number, about: number): number[] {
  const parts = Math.max(1, Math.floor(seconds / about));
  return Array.from({ length: parts }, (_, n) => Math.floor(seconds / parts) + (n < seconds % parts ? 1 : 0));
}
