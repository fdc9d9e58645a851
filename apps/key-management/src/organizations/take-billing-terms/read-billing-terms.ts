import { ledgerId, organizationsChangedV1, type OrganizationsChangedV1 } from '@tollgate/contracts';
import type { BillingTerms } from '../organization.js';

/** What usage-billing says of one organisation's credit. */
export interface ToldTerms {
  readonly organizationId: string;
  /** Grows with each change. */
  readonly version: number;
  readonly terms: BillingTerms;
}

/**
 * Reads messages of `organizations.changed.v1`: of each organisation the one with the highest version. What cannot be
 * read costs one message: an error would block the partition on each redelivery.
 */
export function readBillingTerms(values: readonly string[]): {
  readonly told: readonly ToldTerms[];
  readonly unreadable: number;
} {
  const newest = new Map<string, ToldTerms>();
  let unreadable = 0;
  for (const value of values) {
    const read = toldTerms(value);
    if (read === null) unreadable += 1;
    else if ((newest.get(read.organizationId)?.version ?? 0) < read.version) newest.set(read.organizationId, read);
  }
  return { told: [...newest.values()], unreadable };
}

function toldTerms(value: string): ToldTerms | null {
  const read = organizationsChangedV1.safeParse(parsed(value));
  const organizationId = ledgerId.safeParse(read.data?.organizationId);
  if (!read.success || !organizationId.success) return null;
  return toldTermsOf(read.data);
}

/** What a message says, whose ids Postgres takes. */
export function toldTermsOf(message: OrganizationsChangedV1): ToldTerms {
  return { organizationId: message.organizationId, version: message.version, terms: termsOf(message) };
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

/** Nothing stands in a snapshot that changes nothing: gateways of the release before refuse keys with any of it. */
function termsOf({ budgets, grants, markupMillionths, prices }: OrganizationsChangedV1): BillingTerms {
  return {
    ...(budgets.length > 0 && {
      budgets: budgets.map(({ raise, ...budget }) => ({ ...budget, ...(raise !== null && { raise }) })),
    }),
    ...(grants !== null && { grants }),
    ...(markupMillionths > 0 && { markupMillionths }),
    ...(prices !== undefined && { prices }),
  };
}
