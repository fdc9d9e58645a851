import { formatUsd } from '@tollgate/credit';
import { listReply } from '@tollgate/http';
import { z } from 'zod';
import { percentOf } from '../terms/organization-billing.request.js';
import type { Plan } from './plan.js';

const moment = z.string().meta({ format: 'date-time' });
const usd = z.string().describe('Decimal USD, exact.');
const limit = z.int().positive().nullable();

const EXAMPLE = {
  object: 'plan',
  id: '5b1f7a52-1c7e-4b7e-9a55-0123456789ab',
  name: 'pro',
  cycle: 'month',
  quota_usd: '20',
  price_usd: '15',
  models: null,
  rate_limits: { requests_per_minute: 600, tokens_per_minute: null, parallel_requests: null },
  self_service: true,
  payg_allowed: true,
  markup_percent: null,
  source: 'api',
  created_at: '2026-12-01T09:30:00.000Z',
  archived_at: null,
} as const;

const fields = {
  object: z.literal('plan'),
  id: z.uuid(),
  name: z.string(),
  cycle: z.literal('month'),
  quota_usd: usd,
  price_usd: usd,
  models: z.array(z.string()).readonly().nullable(),
  rate_limits: z.object({ requests_per_minute: limit, tokens_per_minute: limit, parallel_requests: limit }),
  self_service: z.boolean(),
  payg_allowed: z.boolean(),
  markup_percent: z.number().nullable(),
  source: z.enum(['config', 'api']).describe('Plans of `config.yaml` are changed there alone.'),
  created_at: moment,
  archived_at: moment.nullable().describe('Since when nobody can subscribe to it; its subscriptions go on.'),
};

/** A plan as the API shows it: what counts for subscriptions from now on, and for others from their next cycle. */
export const planReply = z.object(fields).meta({ id: 'Plan', examples: [EXAMPLE] });
/** It as a reply carries it. */
export type PlanObject = Readonly<z.input<typeof planReply>>;

/** A plan that was archived with this request. */
export const deletedPlanReply = z.object({ ...fields, deleted: z.literal(true) }).meta({
  id: 'DeletedPlan',
  examples: [{ ...EXAMPLE, archived_at: '2026-12-02T09:30:00.000Z', deleted: true }],
});

/** One page of plans. */
export const planListReply = listReply('PlanList', planReply, EXAMPLE);
export type PlanList = Readonly<z.input<typeof planListReply>>;

/** Builds the API's view of a plan. */
export function planObject({ terms, ...plan }: Plan): PlanObject {
  return {
    object: 'plan',
    id: plan.id,
    name: plan.name,
    cycle: 'month',
    quota_usd: formatUsd(terms.quotaNanoUsd),
    price_usd: formatUsd(terms.priceNanoUsd),
    models: terms.models,
    rate_limits: {
      requests_per_minute: terms.rateLimits.requestsPerMinute,
      tokens_per_minute: terms.rateLimits.tokensPerMinute,
      parallel_requests: terms.rateLimits.parallelRequests,
    },
    self_service: plan.selfService,
    payg_allowed: terms.paygAllowed,
    markup_percent: terms.markupMillionths === null ? null : percentOf(terms.markupMillionths),
    source: plan.source,
    created_at: plan.createdAt.toISOString(),
    archived_at: plan.archivedAt?.toISOString() ?? null,
  };
}
