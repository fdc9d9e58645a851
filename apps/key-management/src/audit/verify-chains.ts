import { Injectable } from '@nestjs/common';
import { STREAMS, type Stream } from './audit-entry.js';
import { AuditStore, type StoredHead } from './audit-store.js';
import { ChainVerifier, CHAIN_FAULTS, EMPTY_CHAIN, type ChainFault, type ChainHead } from './chain-verifier.js';

/** Entries of one transaction: large enough that the round trips do not count, small enough for memory. */
const PART = 1_000;

/** How far a verification has come; what is before is not looked at again. */
export interface VerifiedUpTo extends ChainHead {
  readonly stream: Stream;
}

/** What a verification found. */
export interface Verification {
  /** The first fault; null if there was none in the part that was looked at. */
  readonly fault: ChainFault | null;
  /** How many entries were looked at. */
  readonly verified: number;
  /** Where to go on; null if both chains are done, or one has a fault. */
  readonly next: VerifiedUpTo | null;
  readonly heads: Readonly<Record<Stream, ChainHead>>;
}

/** Verifies the chains of one organisation as they stand in the database. */
@Injectable()
export class VerifyChains {
  constructor(private readonly store: AuditStore) {}

  /**
   * Looks at no more than about `most` entries behind `from`; null begins at the first. Entries that are added
   * meanwhile are left to the next verification.
   */
  async execute(organizationId: string, from: VerifiedUpTo | null, most: number): Promise<Verification> {
    const heads = await this.store.heads(organizationId);
    let verified = 0;
    for (const stream of STREAMS.slice(from === null ? 0 : STREAMS.indexOf(from.stream))) {
      const start = from?.stream === stream ? from : EMPTY_CHAIN;
      const verifier = new ChainVerifier(organizationId, stream, start);
      const broken = faultOfEnds(stream, heads[stream]);
      const fault = broken ?? (await this.verify(organizationId, stream, verifier, heads[stream], most - verified));
      verified += verifier.verified.count - start.count;
      if (fault !== null) return { fault, verified, next: null, heads };
      if (verifier.verified.count < heads[stream].count)
        return { fault, verified, next: { stream, ...verifier.verified }, heads };
    }
    return { fault: null, verified, next: null, heads };
  }

  private async verify(
    organizationId: string,
    stream: Stream,
    verifier: ChainVerifier,
    head: ChainHead,
    most: number,
  ): Promise<ChainFault | null> {
    const end = verifier.verified.count + most;
    while (verifier.verified.count < Math.min(head.count, end)) {
      const after = verifier.verified.count;
      const limit = Math.min(PART, end - after);
      const part = await this.store.chainPart(organizationId, stream, { after, last: head.count, limit });
      if (part.length === 0) break;
      for (const entry of part) {
        const fault = verifier.add(entry, entry.subjects);
        if (fault !== null) return fault;
      }
    }
    return verifier.verified.count >= end && end < head.count ? null : verifier.end(head);
  }
}

/** What a head and the numbers of the first and the last entry say without reading the entries. */
function faultOfEnds(stream: Stream, { count, first, last }: StoredHead): ChainFault | null {
  const fault = (kind: 'missing' | 'head_differs', sequence: number): ChainFault => ({
    stream,
    sequence,
    kind,
    message: CHAIN_FAULTS[kind],
  });
  if (count > 0 && first !== 1) return fault('missing', 1);
  if (last < count) return fault('missing', last + 1);
  return last > count ? fault('head_differs', last) : null;
}
