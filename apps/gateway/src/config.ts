import {
  environmentFields,
  kafkaFields,
  publicListenerFields,
  readEnvironment,
  unknownVariables,
  variablesIn,
  type UnknownVariable,
} from '@tollgate/config';
import { LOG_LEVELS } from '@tollgate/telemetry';
import { z } from 'zod';

/** The environment variables that the gateway reads. */
export const environment = z.object({
  TOLLGATE_HOST: environmentFields.host,
  TOLLGATE_PORT: environmentFields.port,
  TOLLGATE_OPERATIONS_HOST: environmentFields.operationsHost,
  TOLLGATE_OPERATIONS_PORT: environmentFields.port,
  ...publicListenerFields,
  /**
   * The folder of the journals. It must survive restarts; all gateways may share it, then each ships what others left.
   */
  TOLLGATE_DATA: z.string().default('.data'),
  TOLLGATE_CONFIG: z.string().default('config.yaml'),
  TOLLGATE_PEPPER: environmentFields.pepper,
  /** While the pepper is being replaced: keys that are known under it are still found. */
  TOLLGATE_PEPPER_PREVIOUS: environmentFields.pepper.optional(),
  /** The key of sealed ids, the same for all gateways; if it is not set, the key is derived from the pepper. */
  TOLLGATE_ENCRYPTION_KEY: environmentFields.encryptionKey.optional(),
  /** Ids that were sealed under it are still known. */
  TOLLGATE_ENCRYPTION_KEY_PREVIOUS: environmentFields.encryptionKeyPrevious.optional(),
  TOLLGATE_SERVICE_SECRET: environmentFields.bearerSecret,
  /** Still accepted, and shown to services that do not know the new one yet. */
  TOLLGATE_SERVICE_SECRET_PREVIOUS: environmentFields.bearerSecret.optional(),
  REDIS_URL: environmentFields.redisUrl,
  REDIS_PASSWORD: environmentFields.password.optional(),
  REDIS_CA_FILE: environmentFields.caFile.optional(),
  ...kafkaFields,
  KEY_MANAGEMENT_URL: environmentFields.httpUrl,
  USAGE_BILLING_URL: environmentFields.httpUrl,
  SECRET_SCANNING_URL: environmentFields.httpUrl,
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
});

/** Those that `ship-journals` reads. */
const shippingEnvironment = environment
  .pick({
    TOLLGATE_DATA: true,
    TOLLGATE_SERVICE_SECRET: true,
    TOLLGATE_SERVICE_SECRET_PREVIOUS: true,
    USAGE_BILLING_URL: true,
    LOG_LEVEL: true,
  })
  .extend(kafkaFields);

/** Reads the environment of `ship-journals`. Throws an `EnvironmentError` that names all faults. */
export const readShippingConfig = () => readEnvironment(shippingEnvironment, process.env);

/** Reads the environment of this process. Throws an `EnvironmentError` that names all faults. */
export const readConfig = () => readEnvironment(environment, process.env);

/** Environment variables that are misspelt or unknown. `credentials` are the names that config.yaml uses. */
export const readUnknown = (credentials: readonly string[]): UnknownVariable[] =>
  unknownVariables(process.env, [...variablesIn(environment), ...credentials]);
