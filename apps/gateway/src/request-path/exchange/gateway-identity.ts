/** The owner of a hold: a process, and the journal, which outlives it. */
export interface GatewayIdentity {
  readonly instanceId: string;
  readonly journalId: string;
}
