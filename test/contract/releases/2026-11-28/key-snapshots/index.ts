export type { KeyChangeListener, KeySnapshotReader, KeySnapshotWriter, SnapshotRead } from './port.js';
export { RedisKeySnapshotReader } from './redis-reader.js';
export { RedisKeySnapshotWriter } from './redis-writer.js';
