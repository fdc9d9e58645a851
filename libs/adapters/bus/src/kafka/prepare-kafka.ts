import type { KafkaConnection, KafkaUser } from './kafka-client.js';

/** The ways in which an operator can sign in. */
export const OPERATOR_MECHANISMS = ['SCRAM-SHA-512', 'PLAIN'] as const;

/** How the operator of a cluster connects. */
export interface OperatorConnection extends Omit<KafkaConnection, 'user' | 'topicPrefix'> {
  readonly user?: KafkaUser & {
    /** PLAIN is for a listener whose users stand in the settings of the broker. Default SCRAM-SHA-512. */
    readonly mechanism?: (typeof OPERATOR_MECHANISMS)[number];
  };
}

/** What a cluster is prepared for. */
export interface PrepareKafkaOptions {
  /** Signs in as somebody who may do all of this. */
  readonly connection: OperatorConnection;
  readonly topicPrefix: string;
  /** Users to make, or to give these passwords; others stay as they are. */
  readonly users: readonly KafkaUser[];
  /** Whether clients that do not sign in may do what the services may, while processes of the former release run. */
  readonly plainClients?: boolean;
  /** Bytes on disk that each topic of usage events may take. */
  readonly usageRetentionBytes?: number;
}

/** What a run changed. */
export interface PreparedKafka {
  readonly users: readonly string[];
  readonly rightsGiven: number;
  readonly rightsTaken: number;
  readonly topicsMade: readonly string[];
}

/**
 * Makes what the services need on a cluster: their users, their rights (`rights.ts`), their topics and how much is kept
 * of each. It can be run again at any time, on a cluster that is in use too, and after an upgrade: what is there stays,
 * and rights that are not due any more are taken away.
 */
export async function prepareKafka(options: PrepareKafkaOptions): Promise<PreparedKafka> {
  // Loads a library of 60 MB in memory, which no service needs.
  const { prepare } = await import('./prepare/prepare.js');
  return prepare(options);
}

/** Makes users who sign in by SCRAM-SHA-512, or gives them these passwords: the part of `prepareKafka` that does so. */
export async function makeKafkaUsers(connection: OperatorConnection, users: readonly KafkaUser[]): Promise<void> {
  const { makeScramUsers } = await import('./prepare/scram-users.js');
  await makeScramUsers(connection, users);
}
