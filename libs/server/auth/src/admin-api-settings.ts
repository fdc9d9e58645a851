import type { AdminApiEnvironment } from '@tollgate/config';
import { FAILURE_LIMITS_DEFAULT, type FailureLimitSettings } from '@tollgate/http';

/** Token of the `AdminApiSettings` of a process. */
export const ADMIN_API_SETTINGS = Symbol('ADMIN_API_SETTINGS');

/** What an operator decides about the admin API, the same for all services of an installation. */
export interface AdminApiSettings {
  /**
   * The origin under which people reach the installation, as `https://ai.example.com`. Read it when a request is
   * answered: the standalone on a port of chance knows it only when it listens.
   */
  readonly publicUrl: string;
  readonly limits: AdminApiLimits;
}

/** How often one caller may call, and how often callers may fail. */
export interface AdminApiLimits extends FailureLimitSettings {
  readonly callsPerSecond: number;
  readonly callsAtOnce: number;
}

/** Where the gateway of docker-compose.yml and the standalone answer if nobody says otherwise. */
export const PUBLIC_URL_DEFAULT = 'http://127.0.0.1:8080';

/** The settings of an installation that sets none. */
export const ADMIN_API_DEFAULT: AdminApiSettings = {
  publicUrl: PUBLIC_URL_DEFAULT,
  limits: { ...FAILURE_LIMITS_DEFAULT, callsPerSecond: 100, callsAtOnce: 1_000 },
};

/** The limits that the environment of a process sets. */
export function adminApiLimits(environment: Omit<AdminApiEnvironment, 'TOLLGATE_PUBLIC_URL'>): AdminApiLimits {
  return {
    callsPerSecond: environment.TOLLGATE_ADMIN_CALLS_PER_SECOND,
    callsAtOnce: environment.TOLLGATE_ADMIN_CALLS_AT_ONCE,
    failuresPerMinute: environment.TOLLGATE_FAILURES_PER_MINUTE,
    accountFailuresPerHour: environment.TOLLGATE_ACCOUNT_FAILURES_PER_HOUR,
    addressFailuresPerMinute: environment.TOLLGATE_ADDRESS_FAILURES_PER_MINUTE,
  };
}

/** The settings of a service beside the others. */
export function adminApiSettings(environment: AdminApiEnvironment): AdminApiSettings {
  return {
    publicUrl: environment.TOLLGATE_PUBLIC_URL ?? PUBLIC_URL_DEFAULT,
    limits: adminApiLimits(environment),
  };
}
