export {
  KEY_SNAPSHOT_WRITER,
  type HeartbeatFacts,
  type KeyChangeListener,
  type KeySnapshotReader,
  type KeySnapshotWriter,
  type OrganizationRead,
  type SnapshotRead,
} from './port.js';
export { RedisKeySnapshotReader } from './redis-reader.js';
export { RedisKeySnapshotWriter } from './redis-writer.js';
