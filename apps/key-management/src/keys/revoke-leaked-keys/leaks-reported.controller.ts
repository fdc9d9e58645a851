import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { BusBatch } from '@tollgate/bus';
import { digest, isLedgerText, LEAKS_REPORTED_V1 } from '@tollgate/contracts';
import { z } from 'zod';
import { RevokeLeakedKeys } from './revoke-leaked-keys.js';

/** Revokes what secret-scanning could not have revoked before it answered its report. */
@Controller()
export class LeaksReportedController {
  constructor(private readonly revokeLeakedKeys: RevokeLeakedKeys) {}

  @EventPattern<string>(LEAKS_REPORTED_V1)
  async onLeaksReported(@Payload() batch: BusBatch): Promise<void> {
    for (const [origin, digests] of digestsByOrigin(batch))
      await this.revokeLeakedKeys.execute(origin, digests, new Date());
  }
}

/**
 * All that is needed of the event: whatever else a later release writes, the key is revoked. The origin is for the
 * audit trail: one that Postgres cannot hold would keep the whole batch from being revoked, each time it comes again.
 */
const leak = z.object({ digest, origin: z.string().max(200).refine(isLedgerText).catch('unknown') });

/** What names no digest is passed over: nothing behind it may wait. */
export function digestsByOrigin(batch: BusBatch): Map<string, string[]> {
  const reports = batch.messages.map(({ value }) => readEvent(value)).filter((event) => event !== null);
  const byOrigin = new Map<string, string[]>();
  for (const { origin, digest } of reports) byOrigin.set(origin, [...(byOrigin.get(origin) ?? []), digest]);
  return byOrigin;
}

function readEvent(value: string): z.output<typeof leak> | null {
  try {
    return leak.parse(JSON.parse(value));
  } catch {
    return null;
  }
}
