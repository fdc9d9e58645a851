import { z } from 'zod';
import { BALANCES } from './organization-terms.js';

/** How an organisation pays. */
export const organizationBillingReply = z
  .object({
    object: z.literal('organization_billing'),
    organization_id: z.string(),
    balance: z
      .enum(BALANCES)
      .describe('`prepaid`: calls are served as far as its grants cover them. `postpaid`: without a balance.'),
    markup_percent: z.number().describe('What is added to the cost of each call, in percent of it.'),
  })
  .meta({
    id: 'OrganizationBilling',
    examples: [{ object: 'organization_billing', organization_id: 'default', balance: 'prepaid', markup_percent: 5 }],
  });
/** It as a reply carries it. */
export type OrganizationBillingObject = Readonly<z.input<typeof organizationBillingReply>>;
