export {
  BUS_PUBLISHER,
  NO_LOG,
  type BusBatch,
  type BusDelivery,
  type BusMessage,
  type BusPublisher,
  type ResumeOffsets,
  type RetentionUsed,
} from './port.js';
export { BatchServer, BUS_PROGRESS, type BusProgress } from './batch-server.js';
export { inProcessBus, type InProcessBus } from './in-process/in-process-bus.js';
export type { KafkaConnection, KafkaUser } from './kafka/kafka-client.js';
export { kafkaBus, type KafkaBus, type KafkaBusOptions } from './kafka/kafka-bus.js';
export { KafkaBatchServer, type KafkaBatchServerOptions } from './kafka/kafka-batch-server.js';
export { ensureTopics } from './kafka/topics.js';
export { KafkaRightMissing, KafkaSignInRefused } from './kafka/refusals.js';
export { BUS_SERVICES, BUS_TOPICS, BUS_USES, consumerGroup, rightsOf, type BusService } from './kafka/rights.js';
export {
  makeKafkaUsers,
  OPERATOR_MECHANISMS,
  prepareKafka,
  type OperatorConnection,
  type PreparedKafka,
  type PrepareKafkaOptions,
} from './kafka/prepare-kafka.js';
export { kafkaConnection } from './kafka/connection-of.js';
