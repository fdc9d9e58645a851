/** The Postgres schema that secret-scanning owns. */
export const SCANNING_SCHEMA = 'scanning';
/** Outbox effect: the payload, a `LeaksReportedV1`, goes to the bus. */
export const PUBLISH_LEAK = 'publish-leak';
