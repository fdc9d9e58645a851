import { isDeepStrictEqual } from 'node:util';
import { readMarkup } from '../terms/organization-billing.request.js';
import type { Plan, PlanTerms } from './plan.js';
import type { CreatePlanRequest, UpdatePlanRequest } from './plans.request.js';

type RateLimitsAsked = CreatePlanRequest['rate_limits'];

/** A new plan of the API. */
export function newPlan(id: string, request: CreatePlanRequest, now: Date): Plan {
  const terms: PlanTerms = {
    quotaNanoUsd: request.quota_usd,
    priceNanoUsd: request.price_usd,
    markupMillionths: markupOf(request.markup_percent),
    models: modelsOf(request.models),
    rateLimits: rateLimitsOf(request.rate_limits),
    paygAllowed: request.payg_allowed,
  };
  return {
    id,
    name: request.name,
    source: 'api',
    selfService: request.self_service,
    terms: { ...terms, planId: id, version: 1, fromMs: now.getTime() },
    createdAt: now,
    archivedAt: null,
  };
}

/** The plan as a request for a change leaves it, in a new version; null where nothing changes. */
export function editedPlan(plan: Plan, request: UpdatePlanRequest, now: Date): Plan | null {
  const { rateLimits } = plan.terms;
  const asked = request.rate_limits;
  return changedPlan(
    plan,
    {
      name: request.name ?? plan.name,
      selfService: request.self_service ?? plan.selfService,
      terms: {
        quotaNanoUsd: request.quota_usd ?? plan.terms.quotaNanoUsd,
        priceNanoUsd: request.price_usd ?? plan.terms.priceNanoUsd,
        markupMillionths:
          request.markup_percent === undefined ? plan.terms.markupMillionths : markupOf(request.markup_percent),
        models: request.models === undefined ? plan.terms.models : modelsOf(request.models),
        rateLimits:
          asked === undefined ? rateLimits : asked === null ? rateLimitsOf(null) : rateLimitsOf(asked, rateLimits),
        paygAllowed: request.payg_allowed ?? plan.terms.paygAllowed,
      },
    },
    now,
  );
}

/** The plan with other texts and terms, in a new version; null where all are as they were. */
export function changedPlan(
  plan: Plan,
  { terms, ...texts }: Pick<Plan, 'name' | 'selfService'> & { readonly terms: PlanTerms },
  now: Date,
): Plan | null {
  const { planId, version, fromMs } = plan.terms;
  const changed: Plan = { ...plan, ...texts, terms: { ...terms, planId, version, fromMs } };
  return isDeepStrictEqual(changed, plan) ? null : inNewVersion(changed, now);
}

/** The plan with the next version, from now on. */
export function inNewVersion(plan: Plan, now: Date): Plan {
  // A clock that was set back must not put a version before those that it follows.
  const fromMs = Math.max(now.getTime(), plan.terms.fromMs + 1);
  return { ...plan, terms: { ...plan.terms, version: plan.terms.version + 1, fromMs } };
}

const markupOf = (percent: string | number | null): number | null => (percent === null ? null : readMarkup(percent));

const modelsOf = (models: readonly string[] | null): readonly string[] | null => models && [...new Set(models)];

function rateLimitsOf(asked: RateLimitsAsked, present?: PlanTerms['rateLimits']): PlanTerms['rateLimits'] {
  const {
    requests_per_minute: requestsPerMinute = present?.requestsPerMinute ?? null,
    tokens_per_minute: tokensPerMinute = present?.tokensPerMinute ?? null,
    parallel_requests: parallelRequests = present?.parallelRequests ?? null,
  } = asked ?? {};
  return { requestsPerMinute, tokensPerMinute, parallelRequests };
}
