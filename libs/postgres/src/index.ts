export { openDatabase, type Database, type DatabaseOptions } from './database.js';
export { migrate, type MigratedSchema, type MigrateOptions, type Migration } from './migrate.js';
export { prepareDatabase, tellOfNewer } from './prepare-database.js';
export { RELEASE } from './release.js';
export { standaloneUseSchema, takeSoleUse, type SoleUse, type SoleUseOptions } from './sole-use.js';
export { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.js';
export { Outbox, outboxTableSql, type OutboxEntry, type OutboxRow } from './outbox.js';
export type { OutboxBacklog } from './outbox-claims.js';
export { OutboxRelay, type OutboxEffect, type OutboxRelayOptions } from './outbox-relay.js';
