import { randomUUID } from 'node:crypto';
import { waitUntil } from '@tollgate/infra';
import { queryDatabase } from '@tollgate/journey';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerStage } from '../server-stage.js';
import { rounds } from '../stage.js';

const FORMATS = ['csv', 'ndjson'] as const;
type Format = (typeof FORMATS)[number];
/** Lines of an export, of 40 MB in all: more than sockets and streams hold, so that it waits for its reader. */
const KEYS = 12_000;
const ROUTE_LENGTH = 3_000;
/** Where the usage of whole months is. */
const TABLES = ['usage_day', 'usage_month'];
/** Exports of one organisation at once. */
const AT_ONCE = 4;

export function exportsBroken(stageOf: () => ServerStage): void {
  describe('exports of usage', () => {
    const organizationId = randomUUID();
    beforeAll(() => seedUsage(stageOf(), organizationId));
    afterAll(() => removeUsage(stageOf(), organizationId));

    it('H2: an export of usage breaks off when Postgres goes away, so that nobody takes it for whole', async () => {
      const { shape, postgres } = stageOf();
      for (const _ of rounds()) {
        const begun = await Promise.all(FORMATS.map((format) => beginExport(stageOf(), organizationId, format)));
        await postgres.kill();
        for (const { body, format } of begun)
          await expect(linesOf(body), `${format} without its database`).rejects.toThrow();
        await postgres.restart();
        const lines = await waitUntil(
          async () => {
            const reply = await fetchExport(stageOf(), organizationId, 'csv');
            return reply.status === 200 ? linesOf(reply.body!) : null;
          },
          { what: 'an export with the database back', timeoutMs: 30_000 },
        );
        expect(lines, 'a header and all keys').toBe(KEYS + 1);
        expect((await shape.client().admin('GET', '/v1/usage')).status).toBe(200);
      }
    });

    it('H2: an export of usage ends once its reader has left, and others take its place', async () => {
      for (const format of FORMATS) {
        const begun = await Promise.all(
          Array.from({ length: AT_ONCE }, () => beginExport(stageOf(), organizationId, format)),
        );
        expect((await fetchExport(stageOf(), organizationId, format)).status).toBe(429);
        await Promise.all(begun.map(({ body }) => body.cancel()));
        await waitUntil(
          async () => {
            const { status, body } = await fetchExport(stageOf(), organizationId, format);
            await body?.cancel();
            return status === 200;
          },
          { what: 'the exports to end', timeoutMs: 20_000 },
        );
      }
    });
  });
}

/** Usage of many keys in the present month, which cost nothing: no book but that of usage knows of it. */
async function seedUsage({ shape }: ServerStage, organizationId: string): Promise<void> {
  await queryDatabase(
    shape.databaseUrl,
    `INSERT INTO billing.usage_dimension (dimension_id, organization_id, grain, outcome, model, provider, route, api_key_id, is_named)
     SELECT md5($1 || grain || n)::uuid, $1, grain, 'completed', 'm', 'p', repeat('r', ${ROUTE_LENGTH}), md5(n::text)::uuid, true
     FROM generate_series(1, ${KEYS}) AS n CROSS JOIN unnest('{full,owners}'::text[]) AS grain`,
    [organizationId],
  );
  for (const table of TABLES)
    await queryDatabase(
      shape.databaseUrl,
      `INSERT INTO billing.${table} (dimension_id, at, organization_id, requests, input_tokens, output_tokens, cost_nano_usd, charge_nano_usd)
     SELECT dimension_id, date_trunc('month', now(), 'UTC'), organization_id, 1, 2, 3, 0, 0
     FROM billing.usage_dimension WHERE organization_id = $1`,
      [organizationId],
    );
  await queryDatabase(
    shape.databaseUrl,
    `ANALYZE ${['usage_dimension', ...TABLES].map((name) => `billing.${name}`).join()}`,
  );
}

async function removeUsage({ shape }: ServerStage, organizationId: string): Promise<void> {
  for (const table of [...TABLES, 'usage_dimension'])
    await queryDatabase(shape.databaseUrl, `DELETE FROM billing.${table} WHERE organization_id = $1`, [organizationId]);
}

/** A reply to a request for usage by key and route. */
function fetchExport({ shape }: ServerStage, organizationId: string, format: Format): Promise<Response> {
  return fetch(`${shape.gateways[0]!.url}/v1/usage?format=${format}&group_by=key,route`, {
    headers: { authorization: `Bearer ${shape.adminSecret}`, 'x-organization-id': organizationId },
  });
}

/** An export of which the first bytes have come, and the rest has not; those of before may be about to end. */
async function beginExport(stage: ServerStage, organizationId: string, format: Format) {
  const body = await waitUntil(
    async () => {
      const reply = await fetchExport(stage, organizationId, format);
      if (reply.status === 200) return reply.body!;
      throw new Error(`an export was answered ${reply.status}: ${await reply.text()}`);
    },
    { what: 'an export to begin' },
  );
  const reader = body.getReader();
  expect((await reader.read()).done).toBe(false);
  reader.releaseLock();
  return { format, body };
}

async function linesOf(body: ReadableStream<Uint8Array>): Promise<number> {
  let lines = 0;
  for await (const chunk of body) lines += Buffer.from(chunk).toString('latin1').split('\n').length - 1;
  return lines;
}
