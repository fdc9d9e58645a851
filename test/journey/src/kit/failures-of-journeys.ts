/** All journeys come from one address, and many of them show wrong credentials. */
export const FAILURES_OF_JOURNEYS = {
  TOLLGATE_FAILURES_PER_MINUTE: '100',
  TOLLGATE_ACCOUNT_FAILURES_PER_HOUR: '100000',
  TOLLGATE_ADDRESS_FAILURES_PER_MINUTE: '1000',
};
