import { Pages, pageQuery } from '@tollgate/http';
import { shown } from '@tollgate/openapi';
import { z } from 'zod';
import { statementCycle } from './build/statement-cycle.js';

const REVISION_MAX = 100_000;

const cycle = z
  .string()
  .refine((text) => statementCycle(text) !== null, 'must be a month as 2026-11, of the years 2000 to 2199');

/** The query of `GET /v1/statements`. */
export const statementsRequest = z
  .strictObject({
    ...pageQuery,
    cycle: shown(cycle.optional(), {
      type: 'string',
      pattern: '^2[01]\\d\\d-(0[1-9]|1[0-2])$',
      description: 'The month, in UTC, whose statement is asked for. Without it, the list of all.',
    }),
    revision: shown(
      z
        .string()
        .regex(/^[1-9]\d{0,5}$/, `must be a whole number from 1 to ${REVISION_MAX}`)
        .transform(Number)
        .optional(),
      { type: 'integer', minimum: 1, maximum: REVISION_MAX, description: 'A former revision; without it, the latest.' },
    ),
    format: z
      .enum(['json', 'csv', 'html'])
      .default('json')
      .describe('Of one statement: `html` is a page to be printed or saved as PDF.'),
  })
  .refine(({ cycle: of, revision }) => of !== undefined || revision === undefined, {
    path: ['revision'],
    message: 'must be given with cycle',
  })
  .refine(({ cycle: of, format }) => of !== undefined || format === 'json', {
    path: ['format'],
    message: 'must be json for the list',
  });
export type StatementsRequest = z.output<typeof statementsRequest>;

/** The list of statements, the newest first. */
export const STATEMENT_PAGES = new Pages('statements', z.tuple([cycle]));
