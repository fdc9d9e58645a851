/** An answer that the gateway gives itself, without a provider: nothing is journaled and nothing charged. */
export interface OwnAnswer {
  readonly kind: 'own_answer';
  /** JSON. */
  readonly body: Buffer;
  /** Reply headers: names and values in turn. */
  readonly headers: readonly string[];
}

/** Makes an answer of the gateway's own. */
export function ownAnswer(body: Buffer, headers: readonly string[] = []): OwnAnswer {
  return { kind: 'own_answer', body, headers };
}
