export { connectRedis, storeKnown, type RedisConnection, type RedisOptions } from './connect.js';
export type { RedisTrouble } from './trouble.js';
