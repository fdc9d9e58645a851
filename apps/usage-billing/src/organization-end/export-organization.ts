import { createGzip } from 'node:zlib';
import { once } from 'node:events';
import type { EntityManager } from 'typeorm';
import { EXPORTED_TABLES } from './exported-tables.js';

/** Rows that are read at once. */
const PART = 1_000;

/**
 * Writes all that is known of an organisation as NDJSON, compressed by gzip: a line that says whose export it is, then
 * a line for each row, which names its table. Memory holds the compressed bytes and one part of the rows. Indexes:
 * usage_dimension_by_grain, usage_day_pk.
 */
export async function exportOrganization(
  manager: EntityManager,
  organizationId: string,
  organizationName: string | null,
  now: Date,
): Promise<Buffer> {
  const gzip = createGzip();
  const chunks: Buffer[] = [];
  gzip.on('data', (chunk: Buffer) => chunks.push(chunk));
  const write = async (lines: string): Promise<void> => {
    if (!gzip.write(lines)) await once(gzip, 'drain');
  };
  const head = {
    object: 'organization_export',
    organization_id: organizationId,
    organization_name: organizationName,
    exported_at: now.toISOString(),
  };
  await write(`${JSON.stringify(head)}\n`);
  for (const { table, without = [], where = 'true' } of EXPORTED_TABLES) {
    const row = `to_jsonb(t)${without.map((column) => ` - '${column}'`).join('')}`;
    await writeAll(
      manager,
      `SELECT jsonb_build_object('table', '${table}', 'row', ${row})::text AS line FROM billing.${table} AS t
       WHERE organization_id = $1 AND ${where}`,
      organizationId,
      write,
    );
  }
  await writeAll(manager, USAGE_BY_DAY, organizationId, write);
  gzip.end();
  await once(gzip, 'end');
  return Buffer.concat(chunks);
}

const USAGE_BY_DAY = `
  SELECT jsonb_build_object('table', 'usage_day', 'row', to_jsonb(d) - '{dimension_id,organization_id,grain}'::text[] || jsonb_build_object(
    'at', u.at, 'requests', u.requests, 'input_tokens', u.input_tokens, 'output_tokens', u.output_tokens,
    'cost_nano_usd', u.cost_nano_usd, 'charge_nano_usd', u.charge_nano_usd))::text AS line
  FROM billing.usage_dimension AS d JOIN billing.usage_day AS u USING (dimension_id)
  WHERE d.organization_id = $1 AND d.grain = 'full'`;

async function writeAll(
  manager: EntityManager,
  sql: string,
  organizationId: string,
  write: (lines: string) => Promise<void>,
): Promise<void> {
  await manager.query(`DECLARE exported NO SCROLL CURSOR FOR ${sql}`, [organizationId]);
  for (;;) {
    const rows: { line: string }[] = await manager.query(`FETCH ${PART} FROM exported`);
    if (rows.length === 0) break;
    await write(rows.map(({ line }) => `${line}\n`).join(''));
  }
  await manager.query('CLOSE exported');
}
