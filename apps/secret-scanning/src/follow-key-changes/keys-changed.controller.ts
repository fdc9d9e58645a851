import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { BusBatch } from '@tollgate/bus';
import {
  digest,
  id,
  isLedgerText,
  KEY_MANAGEMENT_API,
  KEYS_CHANGED_V1,
  LEAKED_DIGESTS_MAX,
  type KeyManagementApi,
} from '@tollgate/contracts';
import { z } from 'zod';
import { LeakStore } from '../store/leak-store.js';
import { MailRun } from '../owner-mail/mail-run.js';

/**
 * Makes sure that each key that was revoked as leaked, and each secret that ended as leaked, is recorded and its owners
 * get a mail, however it was found.
 */
@Controller()
export class KeysChangedController {
  constructor(
    private readonly leaks: LeakStore,
    private readonly mailRun: MailRun,
    @Inject(KEY_MANAGEMENT_API) private readonly keyManagement: Pick<KeyManagementApi, 'revokeLeakedKeys'>,
  ) {}

  @EventPattern<string>(KEYS_CHANGED_V1)
  async onKeysChanged(@Payload() batch: BusBatch): Promise<void> {
    const leaked = leakedKeys(batch);
    if (leaked.length === 0) return;
    const unrecorded = await this.leaks.unrecorded(leaked.filter(({ state }) => state === 'revoked'));
    // Of a secret that leaked while its key lives on, key-management says which one it was; it is asked each time.
    const asked = leaked.filter(({ apiKeyId, state }) => state !== 'revoked' || unrecorded.has(apiKeyId));
    const digests = asked.flatMap((event) => event.digests);
    // The event has neither the key's name nor its owners. A repeated revoke changes nothing, and its result has both.
    for (let at = 0; at < digests.length; at += LEAKED_DIGESTS_MAX) {
      const some = digests.slice(at, at + LEAKED_DIGESTS_MAX);
      const outcomes = await this.keyManagement.revokeLeakedKeys({ origin: KEYS_CHANGED_V1, digests: some });
      await this.leaks.record(outcomes, new Date());
      this.mailRun.wake();
    }
  }
}

/**
 * Reads only the fields that are needed, so the owners get a mail whatever else a later release writes. An id that
 * Postgres cannot store is refused here: it would block the whole batch on each redelivery.
 */
const leakedKey = z.object({
  change: z.literal('leaked'),
  apiKeyId: id.refine(isLedgerText),
  digests: z.array(digest),
  /** Of the key: one that was not revoked has a secret that leaked, and was left as it was. */
  state: z.enum(['active', 'revoked']).catch('revoked'),
});
type LeakedKey = z.output<typeof leakedKey>;

/** The events of leaked keys in a batch. Everything else is skipped, also what cannot be parsed. */
function leakedKeys(batch: BusBatch): LeakedKey[] {
  return batch.messages.map(({ value }) => readEvent(value)).filter((event) => event !== null);
}

function readEvent(value: string): LeakedKey | null {
  try {
    return leakedKey.parse(JSON.parse(value));
  } catch {
    return null;
  }
}
