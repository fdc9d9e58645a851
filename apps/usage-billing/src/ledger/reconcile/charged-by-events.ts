/**
 * SQL: what the events charged in the period of the account `a`, by the roll-ups of them. For a key's limit it is what
 * its key was charged, for a budget what counts for its owner, for a subscription what the events name of it, and for
 * a grant its share: an event alone does not say that where a grant had less left than the call had held on it. For
 * others it is what all keys of the organisation were charged. Each of the sums has an index: the primary keys of the
 * roll-ups, and `key_usage_by_organization`.
 */
export const CHARGED_BY_EVENTS = `CASE
    WHEN a.kind IN ('group', 'project') THEN
      (SELECT coalesce(sum(charge_nano_usd), 0) FROM billing.owner_usage_day
       WHERE organization_id = a.organization_id AND owner_kind = a.kind AND owner_id = a.owner_id
         AND day >= coalesce((a.cycle_starts_at AT TIME ZONE 'UTC')::date, '-infinity')
         AND day < coalesce((a.cycle_ends_at AT TIME ZONE 'UTC')::date, 'infinity'))
    WHEN a.kind = 'grant' THEN
      (SELECT coalesce(sum(charge_nano_usd), 0) FROM billing.account_usage_month
       WHERE organization_id = a.organization_id AND account_id = a.account_id)
    WHEN a.kind IN ('subscription', 'payg') THEN
      (SELECT coalesce(sum(charge_nano_usd), 0) FROM billing.owner_usage_day
       WHERE organization_id = a.organization_id AND owner_kind = a.kind
         AND owner_id = substr(a.account_id, strpos(a.account_id, ':') + 1))
    WHEN a.api_key_id IS NULL THEN
      (SELECT coalesce(sum(charge_nano_usd), 0) FROM billing.key_usage WHERE organization_id = a.organization_id)
    WHEN a.credit_reset = 'never' THEN
      (SELECT coalesce(sum(charge_nano_usd), 0) FROM billing.key_usage WHERE api_key_id = a.api_key_id)
    ELSE (SELECT coalesce(sum(charge_nano_usd), 0) FROM billing.key_usage_day WHERE api_key_id = a.api_key_id
      AND day >= (a.cycle_starts_at AT TIME ZONE 'UTC')::date AND day < (a.cycle_ends_at AT TIME ZONE 'UTC')::date)
  END`;
