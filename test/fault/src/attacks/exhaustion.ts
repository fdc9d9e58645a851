import { createConnection } from 'node:net';
import { chatBody, inventedSecret } from '@tollgate/journey';
import { expect, it } from 'vitest';
import type { AttackStage } from '../attack-stage.js';
import { HalfSentCall } from '../half-sent-call.js';
import { HealthProbe } from '../health-probe.js';
import { spread, tellMeasured } from '../measured.js';

const MIB = 1024 * 1024;
const revokes = 5;
const strangers = 200;

/** What is done to stop a gateway, and the part of it that goes on until the attack is told to end. */
interface Exhaustion {
  readonly name: string;
  /** Resolves when the attack is under way, with what ends it. */
  start(stage: AttackStage): Promise<() => Promise<void>>;
}

const exhaustions: readonly Exhaustion[] = [
  { name: 'invented secrets on many connections', start: inventSecrets },
  { name: 'large bodies of a key that may spend nothing', start: sendBombs },
  { name: 'bodies that never end', start: neverEnd },
  { name: 'webhooks that nobody signed', start: unsignedWebhooks },
  { name: 'calls that are left at once', start: leaveCalls },
];

/** Whatever strangers and one customer do, a revoke is answered, and others are served. */
export function exhaustion(stageOf: () => AttackStage): void {
  it.each(exhaustions)(
    '$name: every revoke is answered, others are served, and nothing refused is forwarded',
    async ({ name, start }) => {
      const stage = stageOf();
      const { shape } = stage;
      const [bystander, ...keys] = await Promise.all(
        Array.from({ length: revokes + 1 }, () => shape.client().createKey()),
      );
      const probe = new HealthProbe(shape.gateways[0]!);
      const end = await start(stage);
      const waits: number[] = [];
      const answers: number[] = [];
      try {
        for (const key of keys) {
          const askedAt = performance.now();
          const reply = await shape.client().admin('POST', `/v1/api-keys/${key.id}/revoke`);
          waits.push(performance.now() - askedAt);
          expect([200, 202]).toContain(reply.status);
          answers.push(reply.status);
        }
        expect((await shape.client().chat(bystander!.secret)).status).toBe(200);
      } finally {
        await end();
        const health = await probe.end();
        if (waits.length > 0)
          tellMeasured(`${shape.name}: ${name}`, {
            'revoke p50': spread(waits).p50,
            'revoke max': spread(waits).max,
            ...health,
          });
      }
      // 202 says that a gateway may not know yet, which a slow machine answers; then it will know.
      for (const [number, key] of keys.entries()) {
        const status = async () => (await shape.client().chat(key.secret)).status;
        if (answers[number] === 200) expect(await status()).toBe(401);
        else await expect.poll(status).toBe(401);
      }
    },
  );
}

/** Well-formed secrets that were never made: anybody can compute their checksum. */
async function inventSecrets({ shape }: AttackStage): Promise<() => Promise<void>> {
  let going = true;
  const guess = async (number: number): Promise<void> => {
    while (going) {
      const reply = await shape.client(number % shape.gateways.length).chat(inventedSecret());
      expect([401, 429, 503]).toContain(reply.status);
    }
  };
  const guessing = Promise.all(Array.from({ length: strangers }, (_, number) => guess(number)));
  return async () => {
    going = false;
    await guessing;
  };
}

/** Some megabytes of names in a part that is no text: nothing that is refused may take seconds. */
async function sendBombs({ shape }: AttackStage): Promise<() => Promise<void>> {
  const key = await shape
    .client()
    .createKey({ credit_limit_usd: '0', rate_limits: { requests_per_minute: 1, parallel_requests: 1 } });
  const names = Array.from({ length: 400_000 }, (_, number) => `"${number}":0`).join();
  const body = Buffer.from(`{"model":"gpt-4o-mini","max_tokens":1,"messages":[{"x":[[{${names}}]]},"image_url"]}`);
  const headers = { authorization: `Bearer ${key.secret}`, 'content-type': 'application/json' };
  const sent = Array.from({ length: 8 }, async (_, number) => {
    const reply = await shape
      .client(number % shape.gateways.length)
      .call({ method: 'POST', path: '/v1/chat/completions', headers, body });
    expect(reply.status).toBeGreaterThanOrEqual(400);
  });
  return async () => {
    await Promise.all(sent);
  };
}

async function neverEnd({ shape }: AttackStage): Promise<() => Promise<void>> {
  const key = await shape.client().createKey({ credit_limit_usd: '0' });
  const body = chatBody({}).padEnd(2 * MIB);
  return holdOpen((number) =>
    HalfSentCall.send(shape.gateways[number % shape.gateways.length]!.url, key.secret, body, undefined, 32 * MIB),
  );
}

async function unsignedWebhooks({ shape }: AttackStage): Promise<() => Promise<void>> {
  const body = ' '.repeat(2 * MIB);
  return holdOpen(() =>
    HalfSentCall.send(shape.gateways[0]!.url, 'none', body, '/webhooks/github/secret-scanning', 8 * MIB),
  );
}

/** Sixty requests that are never sent to their end; left when what it gives is called. */
async function holdOpen(send: (number: number) => Promise<HalfSentCall>): Promise<() => Promise<void>> {
  const calls = await Promise.all(Array.from({ length: 60 }, (_, number) => send(number)));
  void Promise.allSettled(calls.map((call) => call.finish()));
  return () => {
    for (const call of calls) call.leave();
    return Promise.resolve();
  };
}

/** Plain calls to a provider that hangs, whose clients go at once. */
async function leaveCalls({ shape, provider }: AttackStage): Promise<() => Promise<void>> {
  const key = await shape.client().createKey();
  provider.play('w-hang', [['hang']]);
  const { hostname, port, host } = new URL(shape.gateways[0]!.url);
  const body = JSON.stringify({ model: 'w-hang', messages: [{ role: 'user', content: 'hi' }] });
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${key.secret}\r\ncontent-length: ${body.length}\r\n\r\n`;
  for (let number = 0; number < 300; number++) {
    const socket = createConnection(Number(port), hostname);
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => socket.once('connect', () => socket.write(head + body, () => resolve())));
    socket.destroy();
  }
  return () => Promise.resolve();
}
