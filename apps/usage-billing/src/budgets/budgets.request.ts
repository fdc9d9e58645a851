import { CREDIT_RESETS } from '@tollgate/api-key';
import { uuid } from '@tollgate/contracts';
import { creditLimitRaise, newestFirst, pageQuery, Pages, usdAmount } from '@tollgate/http';
import { pathSchema } from '@tollgate/openapi';
import { z } from 'zod';

const AMOUNT =
  'What the keys of the group or project may spend together, in all or in each cycle. 0 refuses every call.';
const RESET =
  'When the budget begins anew: each day at 00:00 UTC, on Mondays, on the first of the month, or never. Only a change of it changes the cycle, and the present one counts what was charged since its start.';
const reset = z.enum(CREDIT_RESETS);

/** The body of `POST /v1/budgets`. */
export const createBudgetRequest = z
  .strictObject({
    group_id: uuid.optional().describe('The group whose keys it bounds, on the routes that the group opens to them.'),
    project_id: uuid.optional().describe('The project whose keys it bounds. Either this or `group_id` is given.'),
    amount_usd: usdAmount(0n, AMOUNT),
    reset: reset.default('never').describe(RESET),
    credit_limit_raise: creditLimitRaise.default(null),
  })
  .refine(({ group_id: group, project_id: project }) => (group === undefined) !== (project === undefined), {
    path: ['group_id'],
    message: 'must be given, or project_id, and not both',
  })
  .meta({
    id: 'CreateBudget',
    examples: [{ group_id: '7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d', amount_usd: '250', reset: 'monthly' }],
  });
export type CreateBudgetRequest = z.output<typeof createBudgetRequest>;

/** The body of `PATCH /v1/budgets/{id}`. A field that is left out stays as it is. */
export const updateBudgetRequest = z
  .strictObject({
    amount_usd: usdAmount(0n, AMOUNT).optional(),
    reset: reset.optional().describe(RESET),
    credit_limit_raise: creditLimitRaise.optional(),
  })
  .meta({
    id: 'UpdateBudget',
    examples: [
      { amount_usd: '300' },
      { credit_limit_raise: { amount_usd: '50', until: '2026-12-24T00:00:00Z' } },
      { credit_limit_raise: null },
    ],
  });
export type UpdateBudgetRequest = z.output<typeof updateBudgetRequest>;

/** The query of `GET /v1/budgets`. */
export const listBudgetsRequest = z.strictObject(pageQuery);
export type ListBudgetsRequest = z.output<typeof listBudgetsRequest>;

/** The budget that a path names; a malformed id names none. */
export const budgetPath = pathSchema(
  'budget_not_found',
  z.object({ id: uuid.describe('The `id` of a budget, in any case.') }),
);
export type BudgetPath = z.output<typeof budgetPath>;

/** The list of budgets in pages, newest first. */
export const BUDGET_PAGES = new Pages('budgets', newestFirst(z.uuid()));
