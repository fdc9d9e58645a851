import { z } from 'zod';
import { digest, id, instant } from '../primitives.js';

/** Bus topic; key `digest`; from secret-scanning: a leaked secret that could not be revoked before the answer. */
export const LEAKS_REPORTED_V1 = 'leaks.reported.v1';

export const leaksReportedV1 = z.object({
  eventVersion: z.literal(1),
  findingId: id,
  digest,
  origin: z.string(),
  reportedAt: instant,
});
/** Leaked secrets, as `leaks.reported.v1` carries them. */
export type LeaksReportedV1 = z.infer<typeof leaksReportedV1>;
