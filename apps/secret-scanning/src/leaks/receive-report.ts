import { Inject, Injectable } from '@nestjs/common';
import {
  KEY_MANAGEMENT_API,
  LEAKED_DIGESTS_MAX,
  type KeyManagementApi,
  type LeakedKeyOutcome,
} from '@tollgate/contracts';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { LeakRelay } from '../escalate/leak-relay.js';
import { MailRun } from '../owner-mail/mail-run.js';
import { LeakStore } from '../store/leak-store.js';
import type { Finding } from '../store/finding.js';
import type { ReportedItem } from './reported-item.js';

/** The answer to one reported item: whether it holds a secret of ours. */
export type Label = 'true_positive' | 'false_positive';

/** A label for each item in order, or that the report could not be stored. */
export type ReportResult =
  /** One label for each item, in order. */
  | { readonly kind: 'labelled'; readonly labels: readonly Label[] }
  /**
   * key-management could not be asked. Secrets that may be ours are stored, and revoked over the bus later; the
   * reporter should send the report again.
   */
  | { readonly kind: 'unavailable' };

/** Handles a verified report: stores it, revokes keys, records leaks; mails follow. It is safe to repeat. */
@Injectable()
export class ReceiveReport {
  constructor(
    private readonly leaks: LeakStore,
    private readonly relay: LeakRelay,
    private readonly mailRun: MailRun,
    @Inject(KEY_MANAGEMENT_API) private readonly keyManagement: Pick<KeyManagementApi, 'revokeLeakedKeys'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async execute(origin: string, items: readonly ReportedItem[], now: Date): Promise<ReportResult> {
    const findings = findingsOf(origin, items);
    if (findings.length === 0) return { kind: 'labelled', labels: labelsOf(items, []) };
    await this.leaks.add(findings, now);
    const digests = [...new Set(findings.map(({ digest }) => digest))];
    const { outcomes, failure } = await this.revoke(origin, digests);
    if (outcomes.length > 0) await this.leaks.record(outcomes, now);
    const answered = new Set(outcomes.map(({ digest }) => digest));
    const unanswered = digests.filter((digest) => !answered.has(digest));
    if (unanswered.length > 0) {
      this.logger.error(
        { err: failure, secrets: unanswered.length },
        'reported secrets could not be revoked at once; they go to key-management over the bus',
      );
      await this.leaks.escalate(unanswered, now);
      this.wake();
      return { kind: 'unavailable' };
    }
    this.wake();
    this.logger.info({ origin, items: items.length, ...countOutcomes(outcomes) }, 'secrets were reported');
    return { kind: 'labelled', labels: labelsOf(items, outcomes) };
  }

  /** Starts the relay and the mail run at once, since there may be work for both. */
  private wake(): void {
    this.relay.wake();
    this.mailRun.wake();
  }

  /**
   * Asks key-management to revoke the keys. Digests may be missing from `outcomes`: `failure` says why, or some of the
   * outcomes could not be read if it is absent.
   */
  private async revoke(
    origin: string,
    digests: readonly string[],
  ): Promise<{ outcomes: LeakedKeyOutcome[]; failure?: unknown }> {
    const outcomes: LeakedKeyOutcome[] = [];
    try {
      // An item may hold several secrets, so a report may have more digests than one call accepts.
      for (let start = 0; start < digests.length; start += LEAKED_DIGESTS_MAX) {
        outcomes.push(
          ...(await this.keyManagement.revokeLeakedKeys({
            origin,
            digests: digests.slice(start, start + LEAKED_DIGESTS_MAX),
          })),
        );
      }
      return { outcomes };
    } catch (failure) {
      return { outcomes, failure };
    }
  }
}

/** The secrets of a report that have the form of ours, once for each place. */
export function findingsOf(origin: string, items: readonly ReportedItem[]): Finding[] {
  const findings = items.flatMap(({ digests, place, tokenType }) =>
    digests.map((digest) => ({ digest, origin, tokenType, ...place })),
  );
  return [
    ...new Map(
      findings.map((finding) => [JSON.stringify([finding.digest, finding.url, finding.source]), finding]),
    ).values(),
  ];
}

/**
 * Labels each item: true positive if at least one of its secrets belongs to a key of ours, even one that was revoked
 * long ago.
 */
export function labelsOf(items: readonly ReportedItem[], outcomes: readonly LeakedKeyOutcome[]): Label[] {
  const ours = new Set(outcomes.filter(({ outcome }) => outcome !== 'unknown').map(({ digest }) => digest));
  return items.map(({ digests }) => (digests.some((digest) => ours.has(digest)) ? 'true_positive' : 'false_positive'));
}

function countOutcomes(outcomes: readonly LeakedKeyOutcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
