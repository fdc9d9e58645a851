export {
  BUS_PUBLISHER,
  NO_LOG,
  type BusBatch,
  type BusDelivery,
  type BusMessage,
  type BusPublisher,
  type ResumeOffsets,
} from './port.js';
export { BatchServer, BUS_PROGRESS, type BusProgress } from './batch-server.js';
export { inProcessBus, type InProcessBus } from './in-process/in-process-bus.js';
export type { KafkaConnection } from './kafka/kafka-client.js';
export { kafkaBus, type KafkaBus, type KafkaBusOptions } from './kafka/kafka-bus.js';
export { KafkaBatchServer, type KafkaBatchServerOptions } from './kafka/kafka-batch-server.js';
export { ensureTopics } from './kafka/topics.js';
