import { listReply } from '@tollgate/http';
import { z } from 'zod';
import { QUARANTINE_CAUSES } from '../ledger/book-usage/read-usage-record.js';
import type { QuarantinedEvent } from './quarantined-events.js';
import { QUARANTINE_STATES } from './quarantine.request.js';

const EXAMPLE = {
  object: 'quarantined_event',
  id: '17',
  cause: 'conflict',
  field: 'chargeNanoUsd',
  reason: 'the request is booked with another content: chargeNanoUsd',
  request_id: '01a1fd37-6223-754e-9ccb-21e23233c381',
  organization_id: 'default',
  api_key_id: '0d9a7c52-6a0e-4f0b-9a53-2f0c7f0e5b11',
  topic: 'usage.recorded.v2',
  state: 'open',
  quarantined_at: '2026-11-29T08:00:00.000Z',
  decided_at: null,
  decision: null,
} as const;

const moment = z.string().meta({ format: 'date-time' });
const fields = {
  object: z.literal('quarantined_event'),
  id: z.string(),
  cause: z.enum(QUARANTINE_CAUSES).nullable().describe('Null for what the release before put there.'),
  field: z.string().nullable().describe('The first field that is at fault.'),
  reason: z.string().describe('Names fields and bounds, never values.'),
  request_id: z.string().nullable(),
  organization_id: z.string().nullable().describe('What the event says; nobody has checked it.'),
  api_key_id: z.string().nullable(),
  topic: z.string(),
  state: z.enum(QUARANTINE_STATES),
  quarantined_at: moment,
  decided_at: moment.nullable(),
  decision: z
    .record(z.string(), z.json())
    .nullable()
    .describe('How it was replayed (`keep`, `mended`, `booked_as`), or the `reason` for which it was discarded.'),
};

/** A quarantined event in a list. */
const quarantinedEventReply = z.object(fields).meta({ id: 'QuarantinedEvent', examples: [EXAMPLE] });
export type QuarantinedEventObject = Readonly<z.input<typeof quarantinedEventReply>>;

/** A quarantined event with its content. */
export const quarantinedContentReply = z
  .object({
    ...fields,
    content: z
      .json()
      .describe('The event; a text where it is no JSON, or nested deeper than any event. Secrets are masked.'),
    is_cut: z.boolean().describe('Whether the text was too long to be kept whole.'),
    difference: z
      .array(z.object({ field: z.string(), first: z.json(), second: z.json() }))
      .readonly()
      .nullable()
      .describe('Of a conflict: the fields in which the booked content and this one differ, with both values.'),
  })
  .meta({
    id: 'QuarantinedContent',
    examples: [
      {
        ...EXAMPLE,
        content: { requestId: EXAMPLE.request_id, chargeNanoUsd: '7' },
        is_cut: false,
        difference: [{ field: 'chargeNanoUsd', first: '5', second: '7' }],
      },
    ],
  });
export type QuarantinedContentObject = Readonly<z.input<typeof quarantinedContentReply>>;

/** One page of quarantined events. */
export const quarantineListReply = listReply('QuarantinedEventList', quarantinedEventReply, EXAMPLE);
export type QuarantineList = Readonly<z.input<typeof quarantineListReply>>;

/** A quarantined event as a list shows it. */
export const quarantinedEventObject = (event: QuarantinedEvent): QuarantinedEventObject => ({
  object: 'quarantined_event',
  id: event.id,
  cause: event.cause,
  field: event.field,
  reason: event.reason,
  request_id: event.requestId,
  organization_id: event.organizationId,
  api_key_id: event.apiKeyId,
  topic: event.topic,
  state: event.state,
  quarantined_at: event.quarantinedAt.toISOString(),
  decided_at: event.decidedAt?.toISOString() ?? null,
  decision: event.decision,
});

/** A quarantined event with its content. */
export const quarantinedContentObject = (event: QuarantinedEvent): QuarantinedContentObject => ({
  ...quarantinedEventObject(event),
  content: contentOf(event.text),
  is_cut: event.isCut,
  difference: event.difference,
});

/** Deeper than any event. A reply that is nested deeper cannot be written. */
const DEPTH_MAX = 50;

/** The content as JSON; as the text that it is, where it is none or nested too deep. */
function contentOf(text: string): z.input<typeof quarantinedContentReply>['content'] {
  if (depthOf(text) > DEPTH_MAX) return text;
  try {
    return JSON.parse(text) as z.input<typeof quarantinedContentReply>['content'];
  } catch {
    return text;
  }
}

/** How deep a JSON document is nested at most. Brackets within its texts do not count. */
function depthOf(json: string): number {
  let [depth, deepest, isText] = [0, 0, false];
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at];
    if (isText && character === '\\') at += 1;
    else if (character === '"') isText = !isText;
    else if (!isText && (character === '[' || character === '{')) deepest = Math.max(deepest, (depth += 1));
    else if (!isText && (character === ']' || character === '}')) depth -= 1;
  }
  return deepest;
}
