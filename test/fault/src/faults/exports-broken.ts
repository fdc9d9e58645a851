import { waitUntil } from '@tollgate/infra';
import { queryDatabase } from '@tollgate/journey';
import { expect, it } from 'vitest';
import type { ServerStage } from '../server-stage.js';
import { rounds } from '../stage.js';

const FORMATS = ['csv', 'ndjson'] as const;
/** Lines of an export, each of which is read by a statement of its own: seconds of work. */
const MINUTES = 10_000;

export function exportsBroken(stageOf: () => ServerStage): void {
  it('H2: an export of usage breaks off when Postgres goes away, so that nobody takes it for whole', async () => {
    const { shape, postgres } = stageOf();
    for (const _ of rounds()) {
      const begun = await Promise.all(FORMATS.map((format) => beginExport(stageOf(), format)));
      await postgres.kill();
      for (const { body, format } of begun)
        await expect(linesOf(body), `${format} without its database`).rejects.toThrow();
      await postgres.restart();
      const one = await waitUntil(async () => (await fetchExport(stageOf(), 'csv', 5)).text(), {
        what: 'an export with the database back',
        timeoutMs: 30_000,
      });
      expect(one.trimEnd().split('\n'), 'a header and five lines').toHaveLength(6);
      expect((await shape.client().admin('GET', '/v1/usage')).status).toBe(200);
    }
  });

  it('H2: an export of usage is not read on once its reader has left', async () => {
    const { shape } = stageOf();
    const reading = async () => {
      const [row] = await queryDatabase<{ count: string }>(
        shape.databaseUrl,
        `SELECT count(*) FROM pg_stat_activity
         WHERE query LIKE 'SELECT bucket, %' AND query_start > clock_timestamp() - interval '300 milliseconds'`,
      );
      return Number(row!.count) > 0;
    };
    for (const format of FORMATS) {
      const { body } = await beginExport(stageOf(), format);
      expect(await waitUntil(reading, { what: 'the export to be read', timeoutMs: 5_000 })).toBe(true);
      await body.cancel();
      await waitUntil(async () => !(await reading()), { what: 'the export not to be read any more', timeoutMs: 3_000 });
    }
  });
}

/** A reply to a request for usage by minute, each a line. */
async function fetchExport(
  { shape }: ServerStage,
  format: (typeof FORMATS)[number],
  minutes: number,
): Promise<Response> {
  const to = Math.floor(Date.now() / 60_000) * 60_000;
  const asked = new URLSearchParams({
    format,
    interval: 'minute',
    from: new Date(to - minutes * 60_000).toISOString(),
    to: new Date(to).toISOString(),
  });
  const reply = await fetch(`${shape.gateways[0]!.url}/v1/usage?${asked.toString()}`, {
    headers: { authorization: `Bearer ${shape.adminSecret}` },
  });
  if (reply.status !== 200) throw new Error(`an export was answered ${reply.status}: ${await reply.text()}`);
  return reply;
}

/** An export of which the first bytes have come, and the rest has not. */
async function beginExport(stage: ServerStage, format: (typeof FORMATS)[number]) {
  const { body } = await fetchExport(stage, format, MINUTES);
  const reader = body!.getReader();
  expect((await reader.read()).done).toBe(false);
  reader.releaseLock();
  return { format, body: body! };
}

async function linesOf(body: ReadableStream<Uint8Array>): Promise<number> {
  let lines = 0;
  for await (const chunk of body) lines += Buffer.from(chunk).toString('latin1').split('\n').length - 1;
  return lines;
}
