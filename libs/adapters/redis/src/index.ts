export { connectRedis, storeKnown, type RedisConnection, type RedisMemory, type RedisOptions } from './connect.js';
export type { RedisTrouble } from './trouble.js';
export {
  REDIS_SERVICES,
  redisUserArguments,
  redisUsersCommands,
  redisUsersFile,
  type RedisPasswords,
  type RedisUserName,
} from './users/acl.js';
export type { RedisService } from './users/rights.js';
