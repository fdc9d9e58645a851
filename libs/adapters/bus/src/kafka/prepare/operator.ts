import { Admin, type SASLOptions } from '@platformatic/kafka';
import type { OperatorConnection } from '../prepare-kafka.js';

/*
 * kafkajs has no request that makes SCRAM users, and alters the settings of a topic all at once or not at all: what an
 * operator does goes through `@platformatic/kafka`.
 */

const TIMEOUT_MS = 10_000;

/** What both kinds of clients of the library take. */
export function transport({ user, tls }: OperatorConnection) {
  const sasl: SASLOptions | undefined = user && {
    mechanism: user.mechanism ?? 'SCRAM-SHA-512',
    username: user.username,
    password: user.password,
  };
  return {
    connectTimeout: TIMEOUT_MS,
    requestTimeout: TIMEOUT_MS,
    ...(sasl !== undefined && { sasl }),
    ...(tls !== undefined && { tls: tls.ca === undefined ? {} : { ca: tls.ca }, tlsServerName: true }),
  };
}

/** Runs work with a client of its own, which is closed afterwards. */
export async function withAdmin<T>(connection: OperatorConnection, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({
    clientId: connection.clientId,
    bootstrapBrokers: [...connection.brokers],
    retries: 2,
    strict: false,
    ...transport(connection),
  });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}
