import { readOrganizationId } from '@tollgate/contracts';
import { pathSchema, shown } from '@tollgate/openapi';
import { z } from 'zod';
import { BALANCES } from './organization-terms.js';

const MARKUP_PERCENT_MAX = 1_000;
const MARKUP = /^(\d{1,4})(?:\.(\d{1,4}))?$/;
const MILLIONTHS_PER_PERCENT = 10_000;

/** Reads a percentage with at most four decimals as millionths; null for anything else, and above 1,000 %. */
export function readMarkup(percent: string | number): number | null {
  const match = MARKUP.exec(String(percent));
  if (match === null) return null;
  const [, whole = '0', decimals = ''] = match;
  const millionths = Number(whole) * MILLIONTHS_PER_PERCENT + Number(decimals.padEnd(4, '0'));
  return millionths > MARKUP_PERCENT_MAX * MILLIONTHS_PER_PERCENT ? null : millionths;
}

/** Millionths as a percentage: 50,000 is 5. */
export const percentOf = (millionths: number): number => millionths / MILLIONTHS_PER_PERCENT;

/** A mark-up as requests have it. */
export const markupPercent = shown(
  z
    .union([z.string(), z.number()])
    .refine(
      (percent) => readMarkup(percent) !== null,
      `must be a percentage from 0 to ${MARKUP_PERCENT_MAX} with at most 4 decimals`,
    ),
  {
    anyOf: [
      { type: 'string', pattern: String.raw`^\d{1,4}(\.\d{1,4})?$` },
      { type: 'number', minimum: 0, maximum: MARKUP_PERCENT_MAX },
    ],
    description: 'What is added to the cost of each call, in percent of it.',
  },
);

/** The body of `PUT /v1/organizations/{id}/billing`. A field that is left out stays as it is. */
export const organizationBillingRequest = z
  .strictObject({
    balance: z
      .enum(BALANCES)
      .optional()
      .describe('`prepaid` serves only what its grants cover; `postpaid` is without a balance.'),
    markup_percent: markupPercent.optional(),
  })
  .meta({ id: 'SetOrganizationBilling', examples: [{ balance: 'prepaid', markup_percent: 5 }] });
export type OrganizationBillingRequest = z.output<typeof organizationBillingRequest>;

/** The id of an organisation, as requests name it. */
export const namedOrganizationId = shown(
  z.string().transform((text, context) => {
    const read = readOrganizationId(text);
    if (read !== null) return read;
    context.addIssue({ code: 'custom', message: 'must be the id of one organisation' });
    return z.NEVER;
  }),
  { type: 'string', minLength: 7, maxLength: 36, description: 'A UUID in any case, or `default`.' },
);

/** The organisation that a path names; a malformed id names none. */
export const billedOrganizationPath = pathSchema(
  'organization_not_found',
  z.object({
    id: namedOrganizationId,
  }),
);
export type BilledOrganizationPath = z.output<typeof billedOrganizationPath>;
