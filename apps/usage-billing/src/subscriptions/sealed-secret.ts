/** What the sealed secret of a subscription's key belongs to. */
export const sealedForSubscription = (organizationId: string, id: string): readonly string[] => [
  'subscription',
  organizationId,
  id,
];
