import type { KeyManagementApi, UsageBillingApi } from '@tollgate/contracts';

/**
 * The services' calls to one another, made directly. Modules refer to each other in a ring, so each finds the others at
 * its first call.
 */
export interface LateServices {
  readonly keyManagement: KeyManagementApi;
  readonly usageBilling: UsageBillingApi;
}

export function lateServices(find: () => LateServices): LateServices {
  return {
    keyManagement: {
      verifyKey: (digest) => find().keyManagement.verifyKey(digest),
      knownKeys: (organizationId, apiKeyIds) => find().keyManagement.knownKeys(organizationId, apiKeyIds),
      revokeLeakedKeys: (request) => find().keyManagement.revokeLeakedKeys(request),
    },
    usageBilling: {
      registerGateway: (request) => find().usageBilling.registerGateway(request),
      openCreditEpoch: (request) => find().usageBilling.openCreditEpoch(request),
      spendingByKey: (organizationId, apiKeyIds) => find().usageBilling.spendingByKey(organizationId, apiKeyIds),
    },
  };
}
