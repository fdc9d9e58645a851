import { MemoryAdmission } from '@tollgate/admission';
import { describe, expect, it } from 'vitest';
import { OPENAI_ERRORS } from '../../dialects/openai/errors.js';
import type { Identified } from '../exchange/exchange.js';
import { refuse, type Refusal } from '../exchange/refusal.js';
import { RefusedBodies } from './refused-bodies.js';

const IDENTITY = { instanceId: 'instance', journalId: 'journal' };
let calls = 0;

interface Call {
  readonly bytes?: number;
  readonly perMinute?: number | null;
  readonly admitted?: boolean;
  readonly framing?: string;
}

function call({ bytes = 0, perMinute = 3, admitted = false, framing = String(bytes) }: Call): Identified {
  const snapshot = {
    apiKeyId: 'k',
    organizationId: 'default',
    rateLimits: { requestsPerMinute: perMinute, tokensPerMinute: 5, parallelRequests: 1 },
  };
  const headers = framing === 'chunked' ? { 'transfer-encoding': 'chunked' } : { 'content-length': framing };
  return {
    requestId: `r${calls++}`,
    bodyBytes: bytes,
    admitted,
    key: { snapshot },
    request: { headers },
    errors: OPENAI_ERRORS,
  } as unknown as Identified;
}

/** The requests per minute that are left after such requests were refused. */
async function leftAfter(...refused: readonly (readonly [Identified, Refusal])[]): Promise<number> {
  const admission = new MemoryAdmission(() => 1_000_000);
  const bodies = new RefusedBodies(admission, IDENTITY);
  for (const [exchange, refusal] of refused) bodies.charge(exchange, refusal);
  const rateLimits = { requestsPerMinute: 1_000, tokensPerMinute: null, parallelRequests: null };
  const decision = await admission.reserve({
    ...IDENTITY,
    requestId: 'look',
    organizationId: 'default',
    apiKeyId: 'k',
    amountNanoUsd: 0n,
    accounts: [],
    rateLimits,
    tokens: 0,
  });
  return decision.kind === 'admitted' ? decision.rate.requests!.remaining + 1 : -1;
}
const large = (more: Call = {}) => call({ bytes: 65_537, perMinute: 1_000, ...more });

describe('a refused call with a large body', () => {
  it.each([
    'invalid_json',
    'invalid_request',
    'model_not_found',
    'model_access_denied',
    'quota_exceeded',
    'rate_limit_exceeded',
    'body_too_large',
    'request_timeout',
    'unbounded_cost',
  ] as const)('costs its key one request: %s', async (code) => {
    expect(await leftAfter([large(), refuse(code)])).toBe(999);
  });
  it('costs nothing where it is small, was let in, has no limit, or was refused for a reason of ours', async () => {
    expect(await leftAfter([large({ bytes: 65_536 }), refuse('invalid_json')])).toBe(1_000);
    expect(await leftAfter([large({ admitted: true }), refuse('journal_unavailable')])).toBe(1_000);
    expect(await leftAfter([large({ perMinute: null }), refuse('invalid_json')])).toBe(1_000);
    for (const code of ['server_busy', 'provider_busy', 'credit_unavailable'] as const)
      expect(await leftAfter([large(), refuse(code)])).toBe(1_000);
  });
  it('takes neither tokens nor a place, nor does it leave a hold', async () => {
    const admission = new MemoryAdmission();
    new RefusedBodies(admission, IDENTITY).charge(large(), refuse('invalid_json'));
    expect(await admission.openHolds('default')).toEqual([]);
  });
  it('has the next ones refused unread once the key has no request left, until it has one again', async () => {
    const bodies = new RefusedBodies(new MemoryAdmission(() => 1_000_000), IDENTITY);
    const refuseOne = async (): Promise<void> => {
      bodies.charge(call({ bytes: 70_000 }), refuse('invalid_json'));
      await new Promise((resolve) => setImmediate(resolve));
    };
    for (let refused = 0; refused < 3; refused++) {
      expect(bodies.check(call({ framing: '70000' }))).toBeUndefined();
      await refuseOne();
    }
    for (const framing of ['65537', '33554432', 'chunked']) {
      expect(bodies.check(call({ framing }))).toMatchObject({
        code: 'rate_limit_exceeded',
        headers: expect.arrayContaining(['retry-after', '20', 'x-ratelimit-limit-requests', '3']) as unknown,
      });
    }
    expect(bodies.check(call({ framing: '65536' }))).toBeUndefined();
    // The limit was raised, so what was remembered under the old one no longer counts.
    expect(bodies.check(call({ framing: '70000', perMinute: 4 }))).toBeUndefined();
    expect(bodies.check(call({ framing: '70000' }))).toBeUndefined();
  });
});
