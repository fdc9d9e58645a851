export { spawnApp, type AppOptions } from './app.js';
export { infraFromEnvironment, type InfraEndpoints } from './endpoints.js';
export { tempFolder } from './folders.js';
export { startKafka, type KafkaServer } from './kafka.js';
export { freePort } from './ports.js';
export { createDatabase, startPostgres, type PostgresOptions, type PostgresServer } from './postgres.js';
export { startProcess, type ProcessExit, type ProcessOptions, type RunningProcess } from './processes.js';
export { startRedis, type RedisServer } from './redis.js';
export { waitUntil, type WaitOptions } from './wait-until.js';
