import { waitUntil } from '@tollgate/infra';
import { eventsOf } from '@tollgate/journey';
import { expect, it } from 'vitest';
import { expectInvariants } from '../invariants.js';
import type { CallRecord } from '../load.js';
import { MarkedCall } from '../marked-call.js';
import { tellMeasured } from '../measured.js';
import type { ServerStage } from '../server-stage.js';
import { rounds } from '../stage.js';

const streams = 20;
const callsMeanwhile = 30;

export function diskFull(stageOf: () => ServerStage): void {
  it('fault 25: with the disk of the journal full requests are 503 before the provider is called; nothing is lost', async () => {
    const { shape, diskOfGateway0: disk } = stageOf();
    const client = shape.client();
    const keys = [await client.createKey({ credit_limit_usd: 5 }), await client.createKey()];
    const records: CallRecord[] = [];
    let refused = 0;
    let servedAfter = 0;
    for (const _ of rounds()) {
      const open = await Promise.all(
        Array.from({ length: streams }, async (_, number) => {
          const key = keys[number % keys.length]!;
          return {
            key,
            stream: await client.openChat(key.secret, {
              max_tokens: 60,
              simulator: { chunks: 20, completion_tokens: 20, chunk_interval_ms: 60 },
            }),
          };
        }),
      );
      disk.fill();
      for (const key of keys) {
        // What is left of the last page takes a record or two.
        await waitUntil(async () => (await client.chat(key.secret)).status === 503, {
          what: 'the disk to be full',
          intervalMs: 1,
        });
        for (let call = 0; call < callsMeanwhile; call++) {
          const marked = new MarkedCall();
          const reply = await client.chat(key.secret, marked.fields);
          expect([reply.status, reply.code]).toEqual([503, 'journal_unavailable']);
          expect(marked.entries(shape), 'calls at the provider').toEqual([]);
          refused += 1;
        }
      }
      for (const { key, stream } of open) {
        const { complete, text } = await stream.ended;
        const whole = complete && eventsOf(text).at(-1)?.data === '[DONE]';
        records.push({
          gateway: 0,
          key,
          status: 200,
          requestId: stream.requestId,
          code: null,
          whole,
          startedAt: 0,
          endedAt: 0,
        });
      }
      expect(
        records.filter(({ whole }) => !whole),
        'streams that broke off',
      ).toEqual([]);
      disk.makeRoom();
      const roomAt = performance.now();
      for (const key of keys)
        await waitUntil(async () => (await client.chat(key.secret)).status === 200, {
          what: 'requests to be served again',
        });
      servedAfter = Math.max(servedAfter, performance.now() - roomAt);
    }
    const figures = await expectInvariants(shape, keys, { records });
    tellMeasured('fault 25: disk full at the journal', {
      refused,
      'served again after': `${Math.round(servedAfter)} ms`,
      ...figures,
    });
  });

  it('fault 25, then killed: a charge that is not in the journal is not posted in admission either', async () => {
    const { shape, diskOfGateway0: disk } = stageOf();
    const client = shape.client();
    const gateway = shape.gateways[0]!;
    const key = await client.createKey({ credit_limit_usd: 5 });
    for (const _ of rounds()) {
      const open = await Promise.all(
        Array.from({ length: streams }, () =>
          client.openChat(key.secret, {
            max_tokens: 60,
            simulator: { chunks: 10, completion_tokens: 20, chunk_interval_ms: 60 },
          }),
        ),
      );
      disk.fill();
      await waitUntil(async () => (await client.chat(key.secret)).status === 503, {
        what: 'the disk to be full',
        intervalMs: 1,
      });
      for (const { ended } of open) expect((await ended).complete).toBe(true);
      await gateway.process.kill();
      disk.makeRoom();
      await gateway.process.startAgain();
    }
    const figures = await expectInvariants(shape, [key]);
    tellMeasured('fault 25: disk full at the journal, then killed', figures);
  });
}
