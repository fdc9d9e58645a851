import type { Part } from './check.js';
import { demo } from './demo.js';
import { gateways, journals } from './gateways.js';
import { hardening } from './hardening.js';
import { idle } from './idle.js';
import { image } from './image.js';
import { journey } from './journey.js';
import { oneContainer } from './one-container.js';
import { reach } from './reach.js';
import { refusals } from './refusals.js';
import { restarts } from './restarts.js';
import { rights } from './rights.js';
import { upgrade } from './upgrade.js';

/**
 * Everything that is tried, in its order: what changes the house comes after what looks at it. The last three bring up
 * houses of their own.
 */
export const parts: readonly Part[] = [
  image,
  hardening,
  reach,
  rights,
  journey,
  idle,
  refusals,
  gateways,
  journals,
  restarts,
  oneContainer,
  demo,
  upgrade,
];
