import { CREDIT_RESETS } from '@tollgate/api-key';
import { formatUsd, remainingOf, type AccountBalance } from '@tollgate/credit';
import { creditLimitRaiseObject, creditLimitRaiseReply, listReply } from '@tollgate/http';
import { z } from 'zod';
import { capAt, cycleAt, type Budget } from './budget.js';

const EXAMPLE = {
  object: 'budget',
  id: '0199c000-0000-7000-8000-0000000000b9',
  organization_id: 'default',
  group_id: '7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
  project_id: null,
  amount_usd: '250',
  reset: 'monthly',
  credit_limit_raise: null,
  used_usd: '12.5',
  held_usd: '0.5',
  remaining_usd: '237',
  cycle: { starts_at: '2026-11-01T00:00:00.000Z', ends_at: '2026-12-01T00:00:00.000Z' },
  resets_at: '2026-12-01T00:00:00.000Z',
  created_at: '2026-11-29T09:30:00.000Z',
} as const;

const moment = z.string().meta({ format: 'date-time' });

/** A budget as the API shows it. Money is decimal USD; moments are RFC 3339 in UTC. */
export const budgetReply = z
  .object({
    object: z.literal('budget'),
    id: z.uuid(),
    organization_id: z.string(),
    group_id: z.uuid().nullable(),
    project_id: z.uuid().nullable(),
    amount_usd: z.string().describe('What may be spent in a cycle.'),
    reset: z.enum(CREDIT_RESETS),
    credit_limit_raise: creditLimitRaiseReply,
    used_usd: z.string().describe('What was charged in the present cycle.'),
    held_usd: z.string().describe('What calls in flight may still be charged.'),
    remaining_usd: z
      .string()
      .describe('What calls can still use in this cycle, what calls in flight hold taken off: 0 where more is used.'),
    cycle: z.object({ starts_at: moment, ends_at: moment }).nullable().describe('Null where it never begins anew.'),
    resets_at: moment.nullable().describe('The end of the cycle; null where it never begins anew.'),
    created_at: moment,
  })
  .meta({ id: 'Budget', examples: [EXAMPLE] });
/** A budget as a reply carries it. */
export type BudgetObject = Readonly<z.input<typeof budgetReply>>;

/** One page of budgets. */
export const budgetListReply = listReply('BudgetList', budgetReply, EXAMPLE);
/** A page of budgets as a reply carries it. */
export type BudgetList = Readonly<z.input<typeof budgetListReply>>;

/** A budget that was deleted with this request. */
export const deletedBudgetReply = z
  .object({ object: z.literal('budget'), id: z.uuid(), deleted: z.literal(true) })
  .meta({ id: 'DeletedBudget', examples: [{ object: 'budget', id: EXAMPLE.id, deleted: true }] });
/** It as a reply carries it. */
export type DeletedBudgetObject = Readonly<z.input<typeof deletedBudgetReply>>;

/** A budget with what was charged and is held in the cycle that `now` lies in. */
export function budgetObject(budget: Budget, balance: AccountBalance, now: Date): BudgetObject {
  const { startMs, endMs } = cycleAt(budget, now);
  const cycle = Number.isFinite(startMs)
    ? { starts_at: new Date(startMs).toISOString(), ends_at: new Date(endMs).toISOString() }
    : null;
  return {
    object: 'budget',
    id: budget.id,
    organization_id: budget.organizationId,
    group_id: budget.kind === 'group' ? budget.ownerId : null,
    project_id: budget.kind === 'project' ? budget.ownerId : null,
    amount_usd: formatUsd(budget.capNanoUsd),
    reset: budget.reset,
    credit_limit_raise: creditLimitRaiseObject(budget.raise, now),
    used_usd: formatUsd(balance.postedNanoUsd),
    held_usd: formatUsd(balance.heldNanoUsd),
    remaining_usd: formatUsd(remainingOf(capAt(budget, now), balance)),
    cycle,
    resets_at: cycle?.ends_at ?? null,
    created_at: budget.createdAt.toISOString(),
  };
}
