/**
 * The name of a plan as it is compared with others: those that differ only in case, width or spaces would be taken for
 * one another.
 */
export const foldedPlanName = (name: string): string =>
  name.normalize('NFKC').toLowerCase().replaceAll(/\s+/gu, ' ').trim();
