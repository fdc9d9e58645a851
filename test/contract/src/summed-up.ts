type Row = Record<string, unknown>;
type Query = (sql: string, parameters: unknown[]) => Promise<Row[]>;

const ROLL_UPS = ['minute', 'quarter', 'hour', 'day', 'month', 'series'];

/** All that is summed up of an organisation, without whose it is, and nothing of what is zero. */
export async function summedUp(query: Query, organizationId: string): Promise<Row> {
  const sums: Row = {};
  for (const unit of ROLL_UPS)
    sums[unit] = await query(
      `SELECT d.grain, d.outcome, d.model, d.provider, d.route, d.project_id, d.member_id, d.group_ids, u.*
       FROM billing.usage_dimension AS d JOIN billing.usage_${unit} AS u USING (dimension_id) WHERE d.organization_id = $1`,
      [organizationId],
    );
  for (const [table, columns] of [
    ['key_usage', 'requests, input_tokens, output_tokens, cost_nano_usd, charge_nano_usd'],
    ['key_usage_day', 'day::text, requests, charge_nano_usd'],
    ['secret_usage', 'requests, charge_nano_usd'],
    ['owner_usage_day', "owner_kind, CASE WHEN owner_kind IN ('group', 'project') THEN owner_id END AS owner, day::text, charge_nano_usd"], // prettier-ignore
    ['account_usage_month', "split_part(account_id, ':', 1) AS kind, cycle::text, charge_nano_usd"],
    ['usage_event', 'outcome, input_tokens, output_tokens, cost_nano_usd, charge_nano_usd, text_input_tokens, started_at'], // prettier-ignore
    ['usage_event_facts', 'text_input_tokens, group_ids'],
  ] as const)
    sums[table] = await query(
      `SELECT ${columns} FROM billing.${table} WHERE organization_id = $1 ${table === 'owner_usage_day' ? 'AND charge_nano_usd <> 0' : ''}`,
      [organizationId],
    );
  const known = JSON.parse(
    JSON.stringify(sums, (name, value: unknown) =>
      name === 'dimension_id' || name === 'organization_id' || value === null || value === '0' ? undefined : value,
    ),
  ) as Record<string, Row[]>;
  // Whether a call has no groups, or does not say any, is another dimension, and looks the same.
  for (const rows of Object.values(known)) rows.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return known;
}
