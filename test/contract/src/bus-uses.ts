import type { BusService } from '@tollgate/bus';
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

/** Who writes each topic, written down once more: the table in the code is held to this one and to `READERS`. */
export const WRITERS: Readonly<Record<string, readonly BusService[]>> = {
  [AUDIT_RECORDED_V1]: ['usage-billing'],
  [CALLS_REFUSED_V1]: ['gateway'],
  [CREDIT_THRESHOLD_CROSSED_V1]: ['usage-billing'],
  [KEYS_CHANGED_V1]: ['key-management'],
  [KEYS_USED_V1]: ['usage-billing'],
  [LEAKS_REPORTED_V1]: ['secret-scanning'],
  [LIMITS_CHANGED_V1]: ['key-management'],
  [NOTICES_V1]: ['key-management'],
  [ORGANIZATIONS_CHANGED_V1]: ['usage-billing'],
  [SUBSCRIPTIONS_CHANGED_V1]: ['usage-billing'],
  [USAGE_RECORDED_V1]: ['gateway'],
  [USAGE_RECORDED_V2]: ['gateway'],
};
/** Who reads each topic. */
export const READERS: Readonly<Record<string, readonly BusService[]>> = {
  [AUDIT_RECORDED_V1]: ['key-management'],
  [CALLS_REFUSED_V1]: ['usage-billing'],
  [CREDIT_THRESHOLD_CROSSED_V1]: [],
  [KEYS_CHANGED_V1]: ['secret-scanning'],
  [KEYS_USED_V1]: ['key-management'],
  [LEAKS_REPORTED_V1]: ['key-management'],
  [LIMITS_CHANGED_V1]: ['usage-billing'],
  [NOTICES_V1]: ['usage-billing'],
  [ORGANIZATIONS_CHANGED_V1]: ['key-management'],
  [SUBSCRIPTIONS_CHANGED_V1]: ['key-management'],
  [USAGE_RECORDED_V1]: ['usage-billing'],
  [USAGE_RECORDED_V2]: ['usage-billing'],
};
