import { z } from 'zod';
import { id, instant } from '../primitives.js';

/**
 * Bus topic; key `organizationId`; from every service to usage-billing, which delivers it to the organisation's
 * webhooks. Its id makes it one, however often it comes.
 */
export const NOTICES_V1 = 'notices.v1';

export const noticesV1 = z.object({
  eventVersion: z.literal(1),
  noticeId: z.uuid(),
  organizationId: id,
  /** What happened, as webhooks name it: `api_key.leaked`, `api_key.expiring`, `api_key.rotated`, … */
  type: z.string().max(100),
  occurredAt: instant,
  /** What a webhook sends under `data`; no secret and no address of a person stands in it. */
  data: z.record(z.string(), z.unknown()),
});
/** A notice for webhooks, as `notices.v1` carries it. */
export type NoticesV1 = z.infer<typeof noticesV1>;
