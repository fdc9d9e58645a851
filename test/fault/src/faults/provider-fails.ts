import { waitUntil } from '@tollgate/infra';
import {
  chatBody,
  contentOf,
  costNanoUsd,
  eventsOf,
  providerEntries,
  providerEntry,
  type ChatFields,
  type CreatedKey,
} from '@tollgate/journey';
import { expect, it } from 'vitest';
import { failingRoutes, type GatewayStage } from '../gateway-stage.js';
import { expectInvariants } from '../invariants.js';
import { eventOf, type LedgerEvent } from '../ledger.js';
import { untilHeld } from '../marked-call.js';
import { tellMeasured } from '../measured.js';
import { chanceOf, rounds } from '../stage.js';

const gateway = 1;

export function providerFailsBeforeFirstByte(stageOf: () => GatewayStage): void {
  it.concurrent(
    'fault 6: a provider that fails or hangs before the first byte costs nothing, and another is tried',
    async () => {
      const { shape } = stageOf();
      const key = await shape.client(gateway).createKey({ credit_limit_usd: 1 });
      const call = (model: string, stream: boolean) =>
        shape.client(gateway).chat(key.secret, { model, stream, max_tokens: 60 });
      let fallBacks = 0;
      for (const _ of rounds()) {
        for (const [failure, { alone, backed, status }] of Object.entries(failingRoutes)) {
          for (const stream of [false, true]) {
            const what = `${failure}, ${stream ? 'streamed' : 'plain'}`;
            const refused = await call(alone, stream);
            expect(refused.status, what).toBe(status);
            const event = await booked(stageOf, refused.requestId);
            expect(event, what).toMatchObject({ outcome: 'provider_failed', charge: 0n });
            await untilHeld(shape, key, 0n);

            // The failing target is the first of a thousand and one times a thousand.
            const served = await Promise.all([call(backed, stream), call(backed, stream)]);
            expect(
              served.map((reply) => reply.status),
              what,
            ).toEqual([200, 200]);
            const attempts = served.map((reply) => providerEntries(shape, reply.requestId));
            fallBacks += attempts.filter((entries) => entries.length === 2).length;
            for (const entries of attempts) {
              expect(entries.at(-1), what).toMatchObject({ outcome: 'answered', status: 200 });
              for (const failed of entries.slice(0, -1)) expect(failed.outcome, what).not.toBe('answered');
            }
          }
        }
      }
      expect(fallBacks).toBeGreaterThan(Object.keys(failingRoutes).length * 2);
      const figures = await expectInvariants(shape, [key]);
      tellMeasured('fault 6: provider failed before the first byte', {
        'served by the next target': fallBacks,
        ...figures,
      });
    },
  );
}

export function providerResetsMidStream(stageOf: () => GatewayStage): void {
  it.concurrent(
    'fault 7: a provider that resets in mid-stream is paid what it delivered, and nobody is asked again',
    async () => {
      const { shape } = stageOf();
      const chance = chanceOf('fault 7');
      const key = await shape.client(gateway).createKey({ credit_limit_usd: 1 });
      const delivered: number[] = [];
      for (const _ of rounds()) {
        for (const pace of [{}, { chunk_interval_ms: 10 }]) {
          const chunks = chance.between(1, 40);
          const fields: ChatFields = {
            model: 'two-targets',
            stream: true,
            max_tokens: 200,
            simulator: {
              chunks: 60,
              completion_tokens: 60,
              fail: 'reset_mid_stream',
              fail_after_chunks: chunks,
              ...pace,
            },
          };
          delivered.push(chunks);
          await expectPartCharged(stageOf, key, fields, chunks);
        }
      }
      const figures = await expectInvariants(shape, [key]);
      tellMeasured('fault 7: provider reset in mid-stream', { 'after chunks': delivered.join(' and '), ...figures });
    },
  );
}

async function expectPartCharged(
  stageOf: () => GatewayStage,
  key: CreatedKey,
  fields: ChatFields,
  chunks: number,
): Promise<void> {
  const { shape } = stageOf();
  const stream = await shape.client(gateway).openChat(key.secret, fields);
  expect(stream.status).toBe(200);
  const { text } = await stream.ended;
  const events = eventsOf(text);
  expect(events.at(-1)?.json?.error?.code).toBe('provider_failed');
  expect(providerEntry(shape, stream.requestId)).toMatchObject({ outcome: 'reset', chunks_sent: chunks });
  const event = await booked(stageOf, stream.requestId);
  const inputTokens = Math.ceil(Buffer.byteLength(chatBody(fields)) / 4);
  expect(event).toMatchObject({ outcome: 'provider_interrupted', inputTokens });
  expect(event.charge).toBe(costNanoUsd('gpt-4o-mini', inputTokens, event.outputTokens));
  // One token a chunk that the client had, at least, and at most half as much again as four bytes of text for each.
  const received = events.filter(({ json }) => (json?.choices?.[0]?.delta.content ?? '') !== '').length;
  expect(received).toBe(chunks);
  expect(event.outputTokens).toBeGreaterThanOrEqual(received);
  expect(event.outputTokens).toBeLessThanOrEqual(
    Math.max(received, Math.ceil((Buffer.byteLength(contentOf(events)) / 4) * 1.5)),
  );
}

function booked(stageOf: () => GatewayStage, requestId: string): Promise<LedgerEvent> {
  return waitUntil(() => eventOf(stageOf().shape.databaseUrl, requestId), { what: 'the call to be booked' });
}
