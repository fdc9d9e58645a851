/** A table whose rows of an organisation an export has, without the columns that are nobody's business. */
interface ExportedTable {
  readonly table: string;
  readonly without?: readonly string[];
  /** Which rows; all of the organisation if it is absent. */
  readonly where?: string;
}

/**
 * What is known of an organisation, from the sums down to what it has chosen. Single usage events are left out: an
 * organisation exports these while it exists, and after its end their sums by day say the same about money.
 */
export const EXPORTED_TABLES: readonly ExportedTable[] = [
  { table: 'organization_terms' },
  { table: 'organization_price_version' },
  { table: 'budget' },
  { table: 'grant' },
  { table: 'subscription', without: ['sealed_secret', 'request_fingerprint', 'request_scope'] },
  { table: 'subscription_charge' },
  { table: 'alert_settings' },
  { table: 'alert' },
  { table: 'usage_name' },
  { table: 'webhook', without: ['secret', 'former_secret'] },
  { table: 'statement' },
  { table: 'transfer', where: "kind IN ('grant', 'expire', 'fee', 'refund')" },
  { table: 'account_usage_month' },
  { table: 'key_usage' },
  { table: 'secret_usage' },
];
