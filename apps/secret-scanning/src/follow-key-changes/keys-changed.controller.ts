import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { BusBatch } from '@tollgate/bus';
import { KEYS_CHANGED_V1, keysChangedV1, type KeyManagementApi, type KeysChangedV1 } from '@tollgate/contracts';
import { LeakStore } from '../store/leak-store.js';
import { MailRun } from '../leak-mail/mail-run.js';

/** Token of a function that gives the `KeyManagementApi` at the time of the call. */
export const KEY_MANAGEMENT = Symbol('KEY_MANAGEMENT');

/** Makes sure that every key that was revoked as leaked is on record, and its owners hear of it, however it came about. */
@Controller()
export class KeysChangedController {
  constructor(
    private readonly leaks: LeakStore,
    private readonly mailRun: MailRun,
    @Inject(KEY_MANAGEMENT) private readonly keyManagement: () => Pick<KeyManagementApi, 'revokeLeakedKeys'>,
  ) {}

  @EventPattern<string>(KEYS_CHANGED_V1)
  async onKeysChanged(@Payload() batch: BusBatch): Promise<void> {
    const leaked = leakedKeys(batch);
    if (leaked.length === 0) return;
    const unrecorded = await this.leaks.unrecorded(leaked);
    const digests = leaked.filter(({ apiKeyId }) => unrecorded.has(apiKeyId)).flatMap((event) => event.digests);
    if (digests.length === 0) return;
    // The event carries nothing to write a mail with. Asked again, key-management changes nothing and says whose the keys are.
    const outcomes = await this.keyManagement().revokeLeakedKeys({ origin: KEYS_CHANGED_V1, digests });
    await this.leaks.record(outcomes, new Date());
    this.mailRun.wake();
  }
}

/** What is no such event is passed over. */
export function leakedKeys(batch: BusBatch): KeysChangedV1[] {
  return batch.messages.map(({ value }) => readEvent(value)).filter((event): event is KeysChangedV1 => event?.change === 'leaked');
}

function readEvent(value: string): KeysChangedV1 | null {
  try {
    return keysChangedV1.parse(JSON.parse(value));
  } catch {
    return null;
  }
}
