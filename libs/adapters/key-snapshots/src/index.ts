export type {
  KeyChangeListener,
  KeySnapshotReader,
  KeySnapshotWriter,
  OrganizationRead,
  SnapshotRead,
} from './port.js';
export { MemoryKeySnapshots } from './memory.js';
export { RedisKeySnapshotReader } from './redis-reader.js';
export { RedisKeySnapshotWriter } from './redis-writer.js';
