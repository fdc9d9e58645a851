export { openDatabase, type Database, type DatabaseOptions } from './database.js';
export { migrate, type MigrateOptions } from './migrate.js';
export { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.js';
export { Outbox, outboxTableSql, type OutboxEntry, type OutboxRow } from './outbox.js';
export type { OutboxBacklog } from './outbox-claims.js';
export { OutboxRelay, type OutboxEffect, type OutboxRelayOptions } from './outbox-relay.js';
