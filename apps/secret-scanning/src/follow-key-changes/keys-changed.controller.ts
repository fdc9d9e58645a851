import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { BusBatch } from '@tollgate/bus';
import {
  digest,
  id,
  isLedgerText,
  KEY_MANAGEMENT_API,
  KEYS_CHANGED_V1,
  type KeyManagementApi,
} from '@tollgate/contracts';
import { z } from 'zod';
import { LeakStore } from '../store/leak-store.js';
import { MailRun } from '../owner-mail/mail-run.js';

/**
 * Makes sure that every key that was revoked as leaked is on record, and its owners hear of it, however it came about.
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
    const unrecorded = await this.leaks.unrecorded(leaked);
    const digests = leaked.filter(({ apiKeyId }) => unrecorded.has(apiKeyId)).flatMap((event) => event.digests);
    if (digests.length === 0) return;
    // The event carries nothing to write a mail with. Asked again, key-management changes nothing and says whose the
    // keys are.
    const outcomes = await this.keyManagement.revokeLeakedKeys({ origin: KEYS_CHANGED_V1, digests });
    await this.leaks.record(outcomes, new Date());
    this.mailRun.wake();
  }
}

/**
 * All that is needed of the event of a leaked key: whatever a later release adds, its owners hear of the leak. Asked
 * with an id that it cannot hold, Postgres would refuse the whole batch, each time it comes again.
 */
const leakedKey = z.object({
  change: z.literal('leaked'),
  apiKeyId: id.refine(isLedgerText),
  digests: z.array(digest),
});
type LeakedKey = z.output<typeof leakedKey>;

/** What is no event of a leaked key is passed over, and holds up no other. */
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
