import { uuid } from '@tollgate/contracts';
import { newestFirst, pageQuery, Pages } from '@tollgate/http';
import { pathSchema } from '@tollgate/openapi';
import { z } from 'zod';
import { markupPercent } from '../terms/organization-billing.request.js';
import { models, planName, rateLimits, usd } from './plan-fields.js';

const fields = {
  name: planName.describe('One line that no other plan has, in any case.'),
  cycle: z.literal('month').describe('A month, from the moment of the subscription on.'),
  quota_usd: usd.describe('What a cycle includes.'),
  price_usd: usd.describe('What a cycle costs.'),
  models: models.describe('The names that `model` may have; `*` stands for any characters. Null allows every route.'),
  rate_limits: rateLimits.describe('Of each key; null is unlimited, for each of them.'),
  self_service: z.boolean().describe('Whether owners of organisations may subscribe by themselves.'),
  payg_allowed: z.boolean().describe('Whether calls beyond the quota may be paid as they go, up to a limit.'),
  markup_percent: markupPercent
    .nullable()
    .describe('What is added to the cost of each call, in percent of it; null where that of the organisation counts.'),
};

/** The body of `POST /v1/plans`. */
export const createPlanRequest = z
  .strictObject({
    name: fields.name,
    cycle: fields.cycle.default('month'),
    quota_usd: fields.quota_usd,
    price_usd: fields.price_usd,
    models: fields.models.default(null),
    rate_limits: fields.rate_limits.nullable().default(null),
    self_service: fields.self_service.default(false),
    payg_allowed: fields.payg_allowed.default(true),
    markup_percent: fields.markup_percent.default(null),
  })
  .meta({
    id: 'CreatePlan',
    examples: [
      { name: 'pro', cycle: 'month', quota_usd: '20', price_usd: '15' },
      {
        name: 'team',
        quota_usd: 100,
        price_usd: 80,
        models: ['gpt-4o*'],
        rate_limits: { requests_per_minute: 600 },
        self_service: true,
      },
    ],
  });
export type CreatePlanRequest = z.output<typeof createPlanRequest>;

/** The body of `PATCH /v1/plans/{id}`. A field that is left out stays as it is. */
export const updatePlanRequest = z
  .strictObject({
    name: fields.name.optional(),
    cycle: fields.cycle.optional(),
    quota_usd: fields.quota_usd.optional(),
    price_usd: fields.price_usd.optional(),
    models: fields.models.optional(),
    rate_limits: fields.rate_limits.nullable().optional(),
    self_service: fields.self_service.optional(),
    payg_allowed: fields.payg_allowed.optional(),
    markup_percent: fields.markup_percent.optional(),
  })
  .meta({ id: 'UpdatePlan', examples: [{ price_usd: '18' }, { models: null, self_service: true }] });
export type UpdatePlanRequest = z.output<typeof updatePlanRequest>;

/** The query of `GET /v1/plans`. */
export const listPlansRequest = z.strictObject(pageQuery);
export type ListPlansRequest = z.output<typeof listPlansRequest>;

/** The plan that a path names. A malformed id is answered with 404, like that of an unknown plan. */
export const planPath = pathSchema(
  'plan_not_found',
  z.object({ id: uuid.describe('The `id` of a plan, in any case.') }),
);
export type PlanPath = z.output<typeof planPath>;

/** The list of plans in pages, newest first. */
export const PLAN_PAGES = new Pages('plans', newestFirst(z.uuid()));
