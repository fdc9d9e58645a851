import { Client } from 'pg';

/** Runs one statement on a connection of its own. Sums of money come back as text. */
export async function queryDatabase<Row extends object>(
  url: string,
  statement: string,
  parameters: readonly unknown[] = [],
): Promise<Row[]> {
  return withClient(url, async (client) => (await client.query<Row>(statement, [...parameters])).rows);
}

/** Every row of every table, as text. */
export async function* databaseDump(url: string): AsyncIterable<{ place: string; bytes: Buffer }> {
  const tables = await queryDatabase<{ name: string }>(
    url,
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
     WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
  );
  for (const { name } of tables) {
    const rows = await queryDatabase<{ row: string }>(url, `SELECT t::text AS row FROM ${name} t`);
    yield { place: `table ${name}`, bytes: Buffer.from(rows.map(({ row }) => row).join('\n')) };
  }
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
