export { spawnApp, withoutRootsRights, type AppOptions } from './app.js';
export { newAuthority, type CertificateAuthority, type ServerCertificate } from './certificates.js';
export { chromiumProgram } from './chromium.js';
export { findProgram, runCommand, type CommandOptions } from './commands.js';
export { canInstallPackages, installPackage } from './debian.js';
export { dockerAnswers } from './docker.js';
export { infraFromEnvironment, type InfraEndpoints } from './endpoints.js';
export { tempFolder } from './folders.js';
export { startKafka, type KafkaBySettings, type KafkaOptions, type KafkaServer } from './kafka.js';
export { grantKafka, kafkaOperator, kafkaUser, type GrantOptions, type KafkaLogin } from './kafka-users.js';
export { startPgBouncer, type PgBouncer } from './pgbouncer.js';
export { freePort } from './ports.js';
export { asRole, createDatabase, startPostgres, type PostgresOptions, type PostgresServer } from './postgres.js';
export {
  isRunning,
  startProcess,
  untilReady,
  type ProcessExit,
  type ProcessOptions,
  type RunningProcess,
} from './processes.js';
export { reapNow } from './reaper.js';
export { pythonWith } from './python.js';
export { asRedisUser, redisProgram, startRedis, type RedisServer } from './redis.js';
export { smallDisk, type SmallDisk } from './small-disk.js';
export { waitUntil, type WaitOptions } from './wait-until.js';
