/** Who answers for a hold: a process, and the journal that outlives it. */
export interface GatewayIdentity {
  readonly instanceId: string;
  readonly journalId: string;
}
