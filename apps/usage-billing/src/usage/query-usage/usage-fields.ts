/** What usage can be filtered and grouped by. */
export const USAGE_FIELDS = [
  'api_key_id',
  'group_id',
  'project_id',
  'member_id',
  'model',
  'provider',
  'route',
  'status',
] as const;
export type UsageField = (typeof USAGE_FIELDS)[number];

/** Which calls of an organisation are asked about: those that have these values, of all fields that are named. */
export type UsageFilters = Partial<Readonly<Record<UsageField, string>>>;
