import { waitUntil } from '@tollgate/infra';
import { nanoUsd, usd, type CreatedKey, type Shape } from '@tollgate/journey';
import type { LogEntry } from '@tollgate/provider-simulator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client, Connected } from './client.js';
import { expectCapability, type Capability } from './capabilities.js';
import { everyAgent } from './every-agent.js';
import { MODELS } from './outside.js';
import { startRecorder, type Recorder } from './recorder.js';

/** The models that every client is tried with: one of its own maker, one of the other. */
const TARGETS = ['gpt-4o-mini', 'claude-sonnet-4-5'] as const;
/** A model of a compatible provider that signs its calls, and refuses them without their signatures. */
const SIGNING = 'gemini-3-pro';

const CAPABILITIES: readonly Capability[] = [
  'plain',
  'streamed',
  'tools',
  'image',
  'structured',
  'embeddings',
  'models',
  'cancelled',
];

/** One client, pointed at Tollgate through a recorder of its own, with a key of its own. */
interface Trial {
  readonly key: CreatedKey;
  readonly recorder: Recorder;
  readonly connected: Connected;
  stop(): Promise<void>;
}

/** Tries all clients at a shape of Tollgate: the table of clients, models and capabilities. */
export function everyClient(name: string, clients: readonly Client[], start: () => Promise<Shape>): void {
  describe(name, () => {
    let shape: Shape;
    beforeAll(async () => {
      shape = await start();
    });
    afterAll(() => shape?.stop());

    everyAgent(() => shape);

    describe.concurrent.each(clients)('$name', (client) => {
      describe.each(TARGETS)('with %s', { concurrent: false }, (model) => {
        let trial: Trial;
        beforeAll(async () => {
          trial = await begin(shape, client, model, { credit_limit_usd: 5 });
        });
        afterAll(() => trial?.stop());

        it.each(CAPABILITIES)('%s', async (capability) => {
          const seen = () => entriesOf(shape, trial.recorder);
          await expectCapability(capability, { client, connected: trial.connected, model, seen });
        });

        it('is charged what the provider reported', async () => {
          await expectCharge(shape, trial);
        });
      });

      // In the provider's own dialect a client must keep the signatures itself, and few clients of chat do.
      if (!client.speaks.endsWith('/chat/completions'))
        it('brings back the signatures of calls, of which it knows nothing', async () => {
          const trial = await begin(shape, client, SIGNING, { credit_limit_usd: 5 });
          const seen = () => entriesOf(shape, trial.recorder);
          await expectCapability('tools', { client, connected: trial.connected, model: SIGNING, seen });
          await trial.stop();
        });

      it('sees a wrong key as 401 and an unknown model as 404', async () => {
        const wrong = await begin(shape, client, TARGETS[0], {}, 'sk-tollgate-wrong');
        expect((await failureOf(wrong)).status).toBe(401);
        await wrong.stop();
        const unknown = await begin(shape, client, 'no-such-model');
        const { status, message } = await failureOf(unknown);
        expect(status).toBe(404);
        expect(message).toContain('no-such-model');
        await unknown.stop();
      });

      it.each(TARGETS)('sees in its own words that a conversation is too long for %s', async (model) => {
        const full = await begin(shape, client, `full-${model}`, { credit_limit_usd: 5 });
        const { status, message } = await failureOf(full);
        expect([status, full.recorder.requests.length]).toEqual([400, 1]);
        expect(message).toMatch(client.speaks === '/v1/messages' ? /prompt is too long/ : /maximum context length/);
        await full.stop();
      });

      if (client.rejectsBrokenStreams === true)
        it.each(TARGETS)('sees a stream of %s that fails', async (model) => {
          const broken = await begin(shape, client, `broken-${model}`, { credit_limit_usd: 5 });
          await expect(broken.connected.streamed('Hello')).rejects.toThrow(/error|overloaded/);
          await broken.stop();
        });

      it('calls once when credit is used up', async () => {
        const { key, ...trial } = await begin(shape, client, TARGETS[0], { credit_limit_usd: '0.000000001' });
        expect((await failureOf(trial)).status).toBe(402);
        expect(trial.recorder.requests).toHaveLength(1);
        await trial.stop();
        expect(key.credit_used_usd).toBe('0');
      });

      it('calls again after the time that a 429 names', async () => {
        await expectRetry(shape, client);
      });
    });
  });
}

async function begin(
  shape: Shape,
  client: Client,
  model: string,
  fields: Record<string, unknown> = {},
  secret?: string,
): Promise<Trial> {
  const key = await shape.client().createKey({ name: client.name, ...fields });
  const recorder = await startRecorder(shape.gateways[0]!.url);
  const connected = await client.connect({ url: recorder.url, secret: secret ?? key.secret, model });
  return {
    key,
    recorder,
    connected,
    stop: async () => {
      await connected.close?.();
      await recorder.stop();
    },
  };
}

async function failureOf({ connected }: Pick<Trial, 'connected'>) {
  const error: unknown = await connected.plain('Hello').then(
    () => new Error('the call succeeded'),
    (reason: unknown) => reason,
  );
  return connected.failed(error);
}

/** What the provider saw of the requests that went through a recorder. */
function entriesOf({ simulator }: Shape, { requests }: Recorder): LogEntry[] {
  const ids = new Set(requests.map(({ requestId }) => requestId));
  return simulator.log().filter(({ request_id: id }) => id !== null && ids.has(id));
}

async function expectCharge(shape: Shape, { key, recorder }: Trial): Promise<void> {
  const entries = entriesOf(shape, recorder).filter(({ usage }) => usage !== null);
  const totals = await waitUntil(
    async () => {
      const shown = await shape.client().usage(key.id);
      return shown.requests >= entries.length && shown;
    },
    { what: `the usage of ${entries.length} requests to be shown`, intervalMs: 100 },
  );
  const sum = (tokens: (usage: NonNullable<LogEntry['usage']>) => number) =>
    entries.reduce((total, { usage }) => total + tokens(usage!), 0);
  expect(totals).toEqual({
    requests: entries.length,
    input_tokens: sum((usage) => usage.prompt_tokens),
    output_tokens: sum((usage) => usage.completion_tokens),
    cost_usd: usd(entries.reduce((total, entry) => total + costOf(entry), 0n)),
  });
}

function costOf({ model, usage }: LogEntry): bigint {
  const { input, output } = MODELS[model as keyof typeof MODELS];
  const sum = BigInt(usage!.prompt_tokens) * nanoUsd(input) + BigInt(usage!.completion_tokens) * nanoUsd(output);
  return (sum + 999_999n) / 1_000_000n;
}

/** The key's one place is taken by a call that never ends, until the client has been told to wait. */
async function expectRetry(shape: Shape, client: Client): Promise<void> {
  const trial = await begin(shape, client, TARGETS[0], { rate_limits: { parallel_requests: 1 } });
  const { key, recorder, connected } = trial;
  const leaving = new AbortController();
  const holder = `holder of ${key.id}`;
  const held = fetch(`${shape.gateways[0]!.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key.secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: TARGETS[0],
      messages: [{ role: 'user', content: holder }],
      simulator: { fail: 'hang' },
    }),
    signal: leaving.signal,
  }).catch(() => undefined);
  const isHolder = ({ n }: LogEntry) => shape.simulator.body(n)?.includes(holder) === true;
  await waitUntil(() => shape.simulator.log().find(isHolder), { what: 'the call that holds the place' });
  recorder.onAnswer = async ({ status }) => {
    if (status !== 429) return;
    leaving.abort();
    await held;
  };
  const outcome = await connected.plain('Hello').then(
    ({ text }) => text,
    (error: unknown) => connected.failed(error).status,
  );
  const statuses = recorder.requests.map(({ status }) => status);
  if (client.retries) expect([statuses, outcome]).toEqual([[429, 200], expect.stringMatching(/^word0 /)]);
  else expect([statuses, outcome]).toEqual([[429], 429]);
  await trial.stop();
}
