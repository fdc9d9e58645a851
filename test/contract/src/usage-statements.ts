import { CALLS_REFUSED_V1 } from '@tollgate/contracts';
import { ServiceDatabase, type Database } from '@tollgate/postgres';
import { createLogger } from '@tollgate/telemetry';
import {
  bucketBounds,
  QueryUsage,
  StoreRefusedCalls,
  UsageNames,
  UsageNameStore,
  UsageRetention,
  type UsageQuestion,
} from '@tollgate/usage-billing';

/** Roll-ups of many keys and months, so that the statements about them are planned as in production. */
export const usageSeeds = (organizationId: string): string[] => [
  `INSERT INTO billing.usage_dimension (dimension_id, organization_id, grain, outcome, model, provider, route, api_key_id, group_ids)
   SELECT md5(o || grain || key)::uuid, o, grain, 'completed', 'm', 'p', 'r', 'key ' || key, '{}'
   FROM unnest(ARRAY['default', '${organizationId}', 'others']) AS o, unnest(ARRAY['full', 'models', 'owners', 'total']) AS grain,
     generate_series(1, 300) AS key`,
  ...['minute', 'quarter', 'hour', 'day', 'month'].map(
    (
      unit,
    ) => `INSERT INTO billing.usage_${unit} (dimension_id, at, organization_id, requests, input_tokens, output_tokens, cost_nano_usd, charge_nano_usd)
     SELECT dimension_id, '2025-01-01Z'::timestamptz + n * interval '1 day', organization_id, 1, 1, 1, 1, 1
     FROM billing.usage_dimension, generate_series(1, 60) AS n`,
  ),
  `INSERT INTO billing.usage_series (organization_id, grain, minutes, at, dimension_id, requests, input_tokens, output_tokens, cost_nano_usd, charge_nano_usd)
   SELECT organization_id, grain, minutes, '2025-01-01Z'::timestamptz + n * interval '1 day', dimension_id, 1, 1, 1, 1, 1
   FROM billing.usage_dimension, unnest(ARRAY[15, 60, 360, 1440]) AS minutes, generate_series(1, 60) AS n
   WHERE grain IN ('models', 'total')`,
  ...['minute', 'quarter', 'day'].map(
    (
      unit,
    ) => `INSERT INTO billing.refused_${unit} SELECT o, '2025-01-01Z'::timestamptz + n * interval '1 hour', 'key ' || n, 'c'
       ${unit === 'minute' ? ", 'i'" : ''}, 1 FROM unnest(ARRAY['default', 'others']) AS o, generate_series(1, 3000) AS n`,
  ),
  `INSERT INTO billing.usage_name SELECT 'default', 'api_key', 'key ' || n, 'a name' FROM generate_series(1, 5000) AS n`,
];

/** Calls every method about usage of an organisation, which has the keys `key 1` and on. */
export async function useUsage({ dataSource }: Database, organizationId: string): Promise<void> {
  const service = new ServiceDatabase(dataSource, 'billing');
  const logger = createLogger({ service: 'contract', level: 'silent' });
  const retention = new UsageRetention(service, logger, {});
  const query = new QueryUsage(service, retention);
  const [fromMs, toMs] = [Date.UTC(2025, 0, 1, 0, 0, 7), Date.UTC(2025, 2, 1, 5, 20)];
  const question: UsageQuestion = {
    organizationId,
    filters: {},
    groupBy: [],
    bounds: bucketBounds(fromMs, toMs, 'day', 'Asia/Kathmandu')!,
    isSeries: true,
    order: 'cost_usd',
    limit: 10,
  };
  await query.answer(question);
  await query.answer({ ...question, groupBy: ['model'] });
  await query.answer({ ...question, groupBy: ['api_key_id', 'group_id'], filters: { model: 'm' } });
  await query.answer({ ...question, bounds: [-Infinity, Infinity], isSeries: false, filters: { api_key_id: 'key 3' } });
  for await (const _ of query.rows({ ...question, groupBy: ['api_key_id'], bounds: [fromMs, toMs] }, 1_000));
  for await (const _ of query.rows({ ...question, groupBy: ['api_key_id'] }, 1_000));
  const knownOwners = ({ apiKeyIds = [] }: { readonly apiKeyIds?: readonly string[] }) =>
    Promise.resolve({
      organization: true,
      organizationName: null,
      apiKeys: apiKeyIds.map((id) => ({ id, name: `name of ${id}` })),
      groups: [],
      projects: [],
      members: [],
    });
  const names = new UsageNames(service, new UsageNameStore(service), { knownOwners }, logger);
  await names.nameNew();
  await names.of('default', ['api_key_id'], [['key 1']]);
  const message = {
    eventVersion: 1,
    organizationId: 'default',
    instanceId: 'i',
    minute: '2025-01-01T00:00:00.000Z',
    refusals: [{ apiKeyId: 'key 1', code: 'quota_exceeded', calls: 3 }],
  };
  const delivery = { offset: 0n, part: 0, key: 'default', value: JSON.stringify(message) };
  await new StoreRefusedCalls(service, logger).store({ topic: CALLS_REFUSED_V1, partition: 1, messages: [delivery] });
  await retention.delete(Date.UTC(2025, 0, 20));
}
