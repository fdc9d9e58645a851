import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { BusBatch } from '@tollgate/bus';
import { digest, isLedgerText, LEAKS_REPORTED_V1 } from '@tollgate/contracts';
import { z } from 'zod';
import { RevokeLeakedKeys } from './revoke-leaked-keys.js';

/** Revokes leaked keys that secret-scanning could not get revoked before it had to answer the report. */
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
 * Reads only the fields that are needed, so the key is revoked whatever else a later release writes. An origin that
 * Postgres cannot store becomes `unknown`: it is only for the audit trail, and an error would block the whole batch on
 * each redelivery.
 */
const leak = z.object({ digest, origin: z.string().max(200).refine(isLedgerText).catch('unknown') });

/** Groups the digests by origin. Events without a valid digest are skipped, so that they do not block later ones. */
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
