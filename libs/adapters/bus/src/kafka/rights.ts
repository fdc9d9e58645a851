import {
  AUDIT_RECORDED_V1,
  CALLS_REFUSED_V1,
  CREDIT_THRESHOLD_CROSSED_V1,
  KEYS_CHANGED_V1,
  KEYS_USED_V1,
  LEAKS_REPORTED_V1,
  LIMITS_CHANGED_V1,
  NOTICES_V1,
  ORGANIZATIONS_CHANGED_V1,
  SUBSCRIPTIONS_CHANGED_V1,
  USAGE_RECORDED_V1,
  USAGE_RECORDED_V2,
} from '@tollgate/contracts';
import type { KafkaOperation } from './refusals.js';

/** The services, each by the name of its user on the cluster. */
export const BUS_SERVICES = ['gateway', 'key-management', 'usage-billing', 'secret-scanning'] as const;
export type BusService = (typeof BUS_SERVICES)[number];

interface Uses {
  readonly writes: readonly string[];
  /** As a member of the consumer group that has the service's name. */
  readonly reads: readonly string[];
  /** Reads how much of these topics the cluster keeps and how large they are on disk, for its metrics. */
  readonly measures?: readonly string[];
}

/** What each service does on the bus, and with that all it may do. `prepareKafka` gives the rights that follow. */
export const BUS_USES: Readonly<Record<BusService, Uses>> = {
  gateway: { writes: [USAGE_RECORDED_V1, USAGE_RECORDED_V2, CALLS_REFUSED_V1], reads: [] },
  'key-management': {
    writes: [KEYS_CHANGED_V1, NOTICES_V1, LIMITS_CHANGED_V1],
    reads: [ORGANIZATIONS_CHANGED_V1, SUBSCRIPTIONS_CHANGED_V1, AUDIT_RECORDED_V1, KEYS_USED_V1, LEAKS_REPORTED_V1],
  },
  'usage-billing': {
    writes: [
      KEYS_USED_V1,
      ORGANIZATIONS_CHANGED_V1,
      SUBSCRIPTIONS_CHANGED_V1,
      AUDIT_RECORDED_V1,
      CREDIT_THRESHOLD_CROSSED_V1,
    ],
    reads: [USAGE_RECORDED_V1, USAGE_RECORDED_V2, CALLS_REFUSED_V1, NOTICES_V1, LIMITS_CHANGED_V1],
    measures: [USAGE_RECORDED_V1, USAGE_RECORDED_V2],
  },
  'secret-scanning': { writes: [LEAKS_REPORTED_V1], reads: [KEYS_CHANGED_V1] },
};

/** All topics of an installation, without its prefix. */
export const BUS_TOPICS: readonly string[] = [
  ...new Set(Object.values(BUS_USES).flatMap(({ writes, reads }) => [...writes, ...reads])),
].sort();

/** One operation that a user may do on one thing of the cluster. */
export interface KafkaRight {
  readonly principal: string;
  readonly operation: KafkaOperation;
  readonly on: 'topic' | 'group' | 'cluster';
  readonly name: string;
}

/** What Kafka calls the cluster itself where rights are given on it. */
const CLUSTER = 'kafka-cluster';
/** Whom Kafka takes a client for that did not sign in. */
export const ANONYMOUS = 'User:ANONYMOUS';

/** The name of a service's consumer group. */
export const consumerGroup = (service: BusService, topicPrefix: string): string => `${topicPrefix}${service}`;

/** All rights of a service on the topics of one installation. Write and Read include Describe. */
export function rightsOf(service: BusService, topicPrefix: string): readonly KafkaRight[] {
  const { writes, reads, measures = [] } = BUS_USES[service];
  const may = (operation: KafkaOperation, on: KafkaRight['on'], name: string): KafkaRight => ({
    principal: `User:${service}`,
    operation,
    on,
    name,
  });
  const topic = (operation: KafkaOperation) => (name: string) => may(operation, 'topic', `${topicPrefix}${name}`);
  return [
    ...writes.map(topic('Write')),
    ...reads.map(topic('Read')),
    ...(reads.length > 0 ? [may('Read', 'group', consumerGroup(service, topicPrefix))] : []),
    ...measures.map(topic('DescribeConfigs')),
    ...(measures.length > 0 ? [may('Describe', 'cluster', CLUSTER)] : []),
  ];
}

/**
 * What clients that do not sign in may do while processes of the former release run, which cannot: what the services
 * together may do, and nothing else.
 */
export function rightsOfPlainClients(topicPrefix: string): readonly KafkaRight[] {
  const all = BUS_SERVICES.flatMap((service) => rightsOf(service, topicPrefix)).filter(({ on }) => on !== 'cluster');
  const named = all.map((right) => ({ ...right, principal: ANONYMOUS }));
  return [...new Map(named.map((right) => [rightKey(right), right])).values()];
}

/** The same text for the same right. */
export const rightKey = ({ principal, operation, on, name }: KafkaRight): string =>
  JSON.stringify([principal, operation, on, name]);
