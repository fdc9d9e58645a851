export type { KeyChangeListener, KeySnapshotReader, KeySnapshotWriter, SnapshotRead } from './port.js';
