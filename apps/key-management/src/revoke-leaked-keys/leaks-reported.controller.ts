import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { BusBatch } from '@tollgate/bus';
import { LEAKS_REPORTED_V1, leaksReportedV1, type LeaksReportedV1 } from '@tollgate/contracts';
import { RevokeLeakedKeys } from './revoke-leaked-keys.js';

/** Revokes what secret-scanning could not have revoked before it answered its report. */
@Controller()
export class LeaksReportedController {
  constructor(private readonly revokeLeakedKeys: RevokeLeakedKeys) {}

  @EventPattern<string>(LEAKS_REPORTED_V1)
  async onLeaksReported(@Payload() batch: BusBatch): Promise<void> {
    for (const [origin, digests] of digestsByOrigin(batch)) await this.revokeLeakedKeys.execute(origin, digests, new Date());
  }
}

/** What is no such event is passed over: it names no digest, and nothing behind it may wait. */
export function digestsByOrigin(batch: BusBatch): Map<string, string[]> {
  const reports = batch.messages.map(({ value }) => readEvent(value)).filter((event) => event !== null);
  const byOrigin = new Map<string, string[]>();
  for (const { origin, digest } of reports) byOrigin.set(origin, [...(byOrigin.get(origin) ?? []), digest]);
  return byOrigin;
}

function readEvent(value: string): LeaksReportedV1 | null {
  try {
    return leaksReportedV1.parse(JSON.parse(value));
  } catch {
    return null;
  }
}
