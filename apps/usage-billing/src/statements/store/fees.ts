/**
 * SQL: fees and refunds (`t`) with the charge of the subscription that each is for (`c`), which one of no subscription
 * does not have.
 */
export const FEES = `billing.transfer AS t
  LEFT JOIN billing.subscription_charge AS c ON c.id = t.request_id AND c.organization_id = t.organization_id`;

/**
 * SQL: the moment by which one of `FEES` counts: when its cycle began, or its change of plan, however late that was
 * noticed. A refund counts with what it gives back.
 */
export const FEE_AT = 'coalesce(c.at, t.created_at)';
