import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MESSAGES_FIELDS } from '../dialects/anthropic-messages/messages-fields.js';
import type { Ask, UpstreamCall } from '../dialects/ask.js';
import type { DialectName } from '../dialects/dialect-name.js';
import { CHAT_FIELDS } from '../dialects/openai-chat/chat-fields.js';
import { EMBEDDINGS_FIELDS } from '../dialects/openai-embeddings/embeddings-fields.js';
import { RESPONSES_FIELDS } from '../dialects/openai-responses/responses-fields.js';
import { BodyScan, scanBody } from '../dialects/request-scan/body-scan.js';
import type { FieldTable, ScannedFields } from '../dialects/request-scan/field-table.js';
import { InjectedFields, NOTHING_INJECTED } from '../providers/injected-fields.js';
import type { Target } from '../request-path/choose-route/route-table.js';
import { isRefusal } from '../request-path/exchange/refusal.js';
import type { Endpoint } from './endpoint.js';
import { endpointAt } from './endpoints.js';

/** What the SDKs of `test/clients` send, kept byte for byte. */
const FOLDER = new URL('../../../../test/clients/fixtures/', import.meta.url);
interface Recorded {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
const REQUESTS = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.json'))
  .map(
    (name) => [name.replace('.json', ''), JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Recorded] as const,
  );

const TABLES: Partial<Record<DialectName, FieldTable<ScannedFields>>> = {
  'openai-chat': CHAT_FIELDS as unknown as FieldTable<ScannedFields>,
  'openai-responses': RESPONSES_FIELDS as unknown as FieldTable<ScannedFields>,
  'openai-embeddings': EMBEDDINGS_FIELDS as unknown as FieldTable<ScannedFields>,
  'anthropic-messages': MESSAGES_FIELDS as unknown as FieldTable<ScannedFields>,
};
const CEILINGS = ['max_completion_tokens', 'max_tokens', 'max_output_tokens'];
const targetOf = (model: string): Target =>
  ({
    model,
    provider: { injectedFields: new InjectedFields({ ceilingField: 'max_completion_tokens', streamOptions: true }) },
  }) as unknown as Target;
const call = (): UpstreamCall => ({
  holdNanoUsd: null,
  injectedMaxTokens: null,
  ceilingLeftOut: false,
  fieldNames: null,
  injected: NOTHING_INJECTED,
});

function dialectOf({ path }: Recorded): Endpoint['dialect'] {
  const endpoint = endpointAt(path.replace(/\?.*/, ''));
  if (endpoint === undefined || !('dialect' in endpoint)) throw new Error(`no endpoint at ${path}`);
  return endpoint.dialect;
}

async function asked(recorded: Recorded): Promise<Ask> {
  const caller = { headers: recorded.headers, isToldUsage: false };
  const ask = await dialectOf(recorded).read(Buffer.from(recorded.body), caller);
  if (isRefusal(ask)) throw new Error(`${ask.code} ${ask.message ?? ''}`);
  return ask;
}

it('has requests of each dialect that an SDK speaks', () => {
  const names = new Set(REQUESTS.map(([, recorded]) => dialectOf(recorded).name));
  expect([...names].sort()).toEqual(Object.keys(TABLES).sort());
});

describe.each(REQUESTS)('the request %s', (_name, recorded) => {
  const said = JSON.parse(recorded.body) as Record<string, unknown>;
  const bytes = Buffer.from(recorded.body);
  const table = TABLES[dialectOf(recorded).name]!;

  it('is read as what it says, with a bound of its cost, and has no field that is not known', async () => {
    const ask = await asked(recorded);
    const limits = ask.limits();
    if (isRefusal(limits)) throw new Error(limits.message ?? limits.code);
    const ceiling = CEILINGS.flatMap((name) => (typeof said[name] === 'number' ? [said[name]] : []))[0] ?? null;
    expect([ask.model, ask.stream, ask.others, limits.ceiling]).toEqual([
      said['model'],
      said['stream'] === true,
      [],
      ceiling,
    ]);
    expect(ask.inputTokensEstimate).toBeGreaterThan(0);
    expect(ask.inputTokensEstimate).toBeLessThanOrEqual(ask.inputTokensAllowed);
  });

  it('reaches a provider of its dialect byte for byte, or with another model alone', async () => {
    const ask = await asked(recorded);
    const same = JSON.parse(ask.bodyFor(targetOf(ask.model), call()).toString()) as object;
    expect(same).toMatchObject(said);
    const other = JSON.parse(ask.bodyFor(targetOf('another-model'), call()).toString()) as object;
    expect(other).toEqual({ ...same, model: 'another-model' });
    const { stream_options: options } = said as { stream_options?: unknown };
    const isWhole = said['stream'] !== true || options !== undefined || !('stream_options' in same);
    if (isWhole) expect(ask.bodyFor(targetOf(ask.model), call()).toString()).toBe(recorded.body);
  });

  it('is scanned the same, wherever the scan makes a pause', () => {
    const whole = scanBody(bytes, table);
    expect(whole).not.toHaveProperty('kind');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: bytes.length }), { minLength: 1, maxLength: 20 }), (steps) => {
        const scan = new BodyScan(bytes, table);
        for (let at = 0; !scan.run(scan.at + steps[at % steps.length]!); at++);
        expect(scan.outcome).toEqual(whole);
      }),
      { numRuns: 20 },
    );
  });

  it('is refused wherever it is cut off', () => {
    for (let end = 0; end < bytes.length; end++)
      expect(scanBody(bytes.subarray(0, end), table), `after ${end} bytes`).toHaveProperty('kind', 'not_json');
  });
});
