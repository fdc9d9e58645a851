import type { Subject } from './loads.js';
import type { Scenario } from './scenarios.js';

/** One window: the load of the scenario of that name on a subject. */
export type PlannedWindow = readonly [scenario: string, subject: Subject];

/**
 * The windows of a round, for scenarios that share a floor, in order. The floor goes first in every other round, so
 * that neither it nor the gateways always have the machine that the others left. The two builds follow each other
 * closely, for the machine's pace changes within minutes, and which of them goes first changes from scenario to
 * scenario and from round to round. `compared` tells which scenarios the former build is measured with.
 */
export function windowsOfRound(round: number, floor: string, scenarios: readonly Scenario[], compared: (scenario: Scenario) => boolean): PlannedWindow[] {
  const windows = scenarios.flatMap((scenario, n): PlannedWindow[] => {
    if (!compared(scenario)) return [[scenario.name, 'gateway']];
    const order: Subject[] = (round + n) % 2 === 0 ? ['gateway', 'former'] : ['former', 'gateway'];
    return order.map((subject) => [scenario.name, subject]);
  });
  const ofFloor: PlannedWindow = [floor, 'floor'];
  return round % 2 === 0 ? [ofFloor, ...windows] : [...windows, ofFloor];
}
