/** What the ledger says of an account. Amounts are nano-USD. */
export interface LedgerSide {
  readonly postedNanoUsd: bigint;
  /** What its charges add up to, and what the events charged in its period; null if they were not summed up now. */
  readonly sums: {
    readonly transfersNanoUsd: bigint;
    readonly eventsNanoUsd: bigint;
    /** Whether all events of the period are charged to the account, so that the two sums must be equal. */
    readonly takesAllEvents: boolean;
  } | null;
}

/** What admission says of an account, before the ledger was read and after. */
export interface AdmissionSide {
  readonly postedBeforeNanoUsd: bigint;
  readonly postedAfterNanoUsd: bigint;
  readonly heldNanoUsd: bigint;
  /** What the open holds on it add up to; null if that cannot be told, because it changes all the time. */
  readonly holdsNanoUsd: bigint | null;
}

/** Where two of the three do not agree. */
export type DifferencePlace = 'transfers' | 'events' | 'admission' | 'holds';

/** A difference of one account. */
export interface Difference {
  readonly accountId: string;
  readonly place: DifferencePlace;
  readonly ledgerNanoUsd: bigint;
  readonly transfersNanoUsd: bigint | null;
  readonly eventsNanoUsd: bigint | null;
  readonly admissionNanoUsd: bigint | null;
  readonly heldNanoUsd: bigint | null;
  /** How much the ledger has above the other side; of holds, how much is held above what the holds say. */
  readonly differenceNanoUsd: bigint;
}

/**
 * Compares the sides of one account. Balances only grow, but where a final corrects what an orphan was charged, which
 * closes the epoch. So while calls are made the ledger lies between what admission had before it was read and what it
 * has after; at rest all three are the same.
 */
export function differencesOf(
  accountId: string,
  { postedNanoUsd, sums }: LedgerSide,
  admission: AdmissionSide | null,
): readonly Difference[] {
  const found: [DifferencePlace, bigint][] = [];
  if (sums !== null) {
    found.push(['transfers', postedNanoUsd - sums.transfersNanoUsd]);
    const toEvents = postedNanoUsd - sums.eventsNanoUsd;
    if (toEvents > 0n || sums.takesAllEvents) found.push(['events', toEvents]);
  }
  if (admission !== null) {
    const { postedBeforeNanoUsd: before, postedAfterNanoUsd: after, heldNanoUsd, holdsNanoUsd } = admission;
    if (postedNanoUsd < before) found.push(['admission', postedNanoUsd - before]);
    else if (postedNanoUsd > after) found.push(['admission', postedNanoUsd - after]);
    if (holdsNanoUsd !== null) found.push(['holds', heldNanoUsd - holdsNanoUsd]);
  }
  return found
    .filter(([, differenceNanoUsd]) => differenceNanoUsd !== 0n)
    .map(([place, differenceNanoUsd]) => ({
      accountId,
      place,
      ledgerNanoUsd: postedNanoUsd,
      transfersNanoUsd: sums?.transfersNanoUsd ?? null,
      eventsNanoUsd: sums?.eventsNanoUsd ?? null,
      admissionNanoUsd: admission?.postedAfterNanoUsd ?? null,
      heldNanoUsd: admission?.heldNanoUsd ?? null,
      differenceNanoUsd,
    }));
}
