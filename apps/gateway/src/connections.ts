import { kafkaBus, kafkaConnection } from '@tollgate/bus';
import { acceptedSecrets, httpUsageBillingApi, type AcceptedSecrets } from '@tollgate/http';
import type { readConfig, readShippingConfig } from './config.js';

/** A request waits for such a call if its key is in no cache. */
const INTERNAL_TIMEOUT_MS = 5_000;

/** What the gateway and the command that ships journals both read. */
type Environment = ReturnType<typeof readConfig> | ReturnType<typeof readShippingConfig>;

/** The client of Kafka. The caller closes it. */
export const busOf = (environment: Environment, clientId: string) => kafkaBus(kafkaConnection(environment, clientId));

/** The client of usage-billing. The caller closes it. */
export const usageBillingOf = (environment: Environment) =>
  httpUsageBillingApi({ ...internalCalls(environment), url: environment.USAGE_BILLING_URL });

/** How the other services are called. */
export function internalCalls(environment: Environment): {
  readonly serviceSecrets: AcceptedSecrets;
  readonly timeoutMs: number;
} {
  const { TOLLGATE_SERVICE_SECRET: present, TOLLGATE_SERVICE_SECRET_PREVIOUS: previous } = environment;
  return { serviceSecrets: acceptedSecrets(present, previous), timeoutMs: INTERNAL_TIMEOUT_MS };
}
