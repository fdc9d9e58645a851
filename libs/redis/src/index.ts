export { connectRedis, storeKnown, type RedisConnection, type RedisOptions } from './connect.js';
