export { dataFault } from './data-fault.js';
export { DATABASE, openDatabase, type Database, type DatabaseOptions } from './database.js';
export { YieldingLookUps, type LookUps } from './look-ups.js';
export { migrate, type MigratedSchema, type MigrateOptions, type Migration } from './migrate.js';
export { runMigrateCommand, type MigrateCommand } from './migrate-command.js';
export { prepareDatabase, tellOfNewer } from './prepare-database.js';
export { RELEASE } from './release.js';
export { standaloneUseSchema, takeSoleUse, type SoleUse, type SoleUseOptions } from './sole-use.js';
export { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.js';
export { newOutboxSql, Outbox, outboxTableSql, outboxTenantSql, type OutboxEntry, type OutboxRow } from './outbox.js';
export { OutboxClaims, type OutboxBacklog } from './outbox-claims.js';
export { OutboxRelay, type OutboxEffect, type OutboxRelayOptions } from './outbox-relay.js';
export { momentText } from './moment-text.js';
export { oneRow } from './one-row.js';
export {
  enteringOrganization,
  ServiceDatabase,
  serviceDatabaseOf,
  TENANT_SETTING,
  type TransactionWork,
} from './service-database.js';
export { rolesOf, type ServiceRoles, type ServiceSchema } from './service-roles.js';
export { storeInHalves, storeOneByOne } from './store-in-halves.js';
export {
  commonTableSql,
  formerReleaseSql,
  lookUpFunctionSql,
  schemaRightsSql,
  tenantTableSql,
  type TenantTable,
} from './tenant-tables.js';
