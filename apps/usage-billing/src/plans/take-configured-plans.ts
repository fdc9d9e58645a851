import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { StartFault } from '@tollgate/app-process';
import { NOBODY } from '@tollgate/auth';
import { foldedPlanName, type PlanEntry } from '@tollgate/config';
import { USAGE_BILLING_SETTINGS, type UsageBillingSettings } from '../ports.js';
import { changedPlan, inNewVersion } from './edit-plan.js';
import { PlanStore } from './plan-store.js';
import type { Plan, PlanTerms } from './plan.js';

/**
 * Takes over the plans of `config.yaml` at each start. A plan is known by its name: with other terms it gets a new
 * version, as by a change over the API, and one that is not in the file any more is archived.
 */
@Injectable()
export class TakeConfiguredPlans implements OnApplicationBootstrap {
  constructor(
    private readonly plans: PlanStore,
    @Inject(USAGE_BILLING_SETTINGS) private readonly settings: UsageBillingSettings,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.settings.plans !== undefined) await this.execute(this.settings.plans, new Date());
  }

  /**
   * Of several processes that start at once, the first changes what is to be changed.
   * @throws {StartFault} if a plan of the API has one of the names
   */
  async execute(entries: readonly PlanEntry[], now: Date): Promise<void> {
    const changed = await this.plans.changing(async (plans) => {
      const known = new Map((await plans.ofConfiguration()).map((plan) => [foldedPlanName(plan.name), plan]));
      const saved: { readonly before: Plan | null; readonly after: Plan }[] = [];
      for (const entry of entries) {
        const folded = foldedPlanName(entry.name);
        const before = known.get(folded);
        known.delete(folded);
        if (before === undefined && (await plans.findNamed(entry.name)) !== null) throw taken(entry.name);
        const after = before === undefined ? madeOf(entry, now) : changedTo(before, entry, now);
        if (after !== null) saved.push({ before: before ?? null, after });
      }
      for (const before of known.values())
        saved.push({ before, after: inNewVersion({ ...before, archivedAt: now }, now) });
      for (const { before, after } of saved) await plans.save(before, after, NOBODY);
      return saved.map(({ after }) => after);
    });
    for (const { id, terms } of changed) if (terms.version > 1) await this.plans.callUpSubscriptions(id);
  }
}

function madeOf(entry: PlanEntry, now: Date): Plan {
  const id = randomUUID();
  return {
    id,
    name: entry.name,
    source: 'config',
    selfService: entry.selfService,
    terms: { ...termsOf(entry), planId: id, version: 1, fromMs: now.getTime() },
    createdAt: now,
    archivedAt: null,
  };
}

const changedTo = (plan: Plan, entry: PlanEntry, now: Date): Plan | null =>
  changedPlan(plan, { name: entry.name, selfService: entry.selfService, terms: termsOf(entry) }, now);

const termsOf = ({ name: _name, selfService: _selfService, ...terms }: PlanEntry): PlanTerms => terms;

const taken = (name: string): StartFault =>
  new StartFault(
    'TOLLGATE_CONFIG',
    `the plan ${name} has a name that a plan of the API has: archive that or rename one`,
  );
