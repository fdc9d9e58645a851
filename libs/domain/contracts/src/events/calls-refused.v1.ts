import { z } from 'zod';
import { count, id, instant } from '../primitives.js';

/**
 * Bus topic; key `organizationId`; from a gateway: how many calls of its keys it refused in a minute, by key and code.
 * Sums are absolute for the gateway's process and the minute, so a message may come twice; the highest sum counts.
 */
export const CALLS_REFUSED_V1 = 'calls.refused.v1';

export const callsRefusedV1 = z.object({
  eventVersion: z.literal(1),
  organizationId: id,
  /** The gateway's process that counted. */
  instanceId: id,
  /** The first moment of the minute. */
  minute: instant,
  refusals: z.array(z.object({ apiKeyId: id, code: z.string().max(100), calls: count })),
});
/** Refused calls of one organisation, as `calls.refused.v1` carries them. */
export type CallsRefusedV1 = z.infer<typeof callsRefusedV1>;
