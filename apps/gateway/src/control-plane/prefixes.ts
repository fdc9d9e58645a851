import { areaOf, controlPlanePaths } from './public-paths.js';

/** Below which paths each service of the control plane answers; nothing of the inference side is among them. */
export const CONTROL_PLANE_PREFIXES: readonly string[] = [
  ...new Set(controlPlanePaths.map(({ template }) => areaOf(template))),
];
