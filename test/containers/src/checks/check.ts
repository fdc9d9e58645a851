import type { House } from '../house/house.js';

/** One thing that must hold, tried on a running house. */
export interface Check {
  /** A sentence: what holds. */
  readonly name: string;
  /** Resolves with what was measured or seen, in a few words; throws what does not hold. */
  readonly run: (stage: Stage) => Promise<string | undefined | void>;
}

/** Checks that belong together; they run in the order in which they stand. */
export interface Part {
  readonly name: string;
  readonly checks: readonly Check[];
  /** False for one that needs no house, or brings up its own. */
  readonly needsHouse?: boolean;
}

export interface Stage {
  readonly house: House;
  /** The checkout, built. */
  readonly repository: string;
  /** The environment in which `docker` reaches the engine. */
  readonly env: NodeJS.ProcessEnv;
  /** The release that the images are tagged with. */
  readonly version: string;
  /** The image that the house runs, and the one with what only a demonstration needs. */
  readonly image: string;
  readonly demoImage: string;
  /** A commit of the repository that has the former release. */
  readonly former: string | undefined;
  /** Where what was downloaded or made is kept. */
  readonly cache: string;
}

/** Thrown by a check that cannot be tried here; its message says why. */
export class NotTried extends Error {}

/** Throws `what`, with what was found, unless the list is empty. */
export function none(what: string, found: readonly string[]): void {
  if (found.length > 0) throw new Error(`${what}: ${found.slice(0, 12).join('; ')}`);
}

/** Throws unless it holds. */
export function holds(condition: unknown, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise);
}
