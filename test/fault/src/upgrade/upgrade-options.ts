/** By which variable `npm run test:upgrade` names the folder of a former release, which is built. */
export const FORMER_RELEASE_VARIABLE = 'TOLLGATE_FORMER_RELEASE';

/** The folder of the former release; undefined under `npm test`, which has none. */
export const formerReleaseFolder = process.env[FORMER_RELEASE_VARIABLE];

/** By which variable `npm run test:upgrade` says for how long processes are killed, in ms. */
export const KILLING_VARIABLE = 'TOLLGATE_KILLING_MS';

/** For how long processes are killed: half a minute, unless it is said. */
export const killingMs = Number(process.env[KILLING_VARIABLE] ?? 30_000);
