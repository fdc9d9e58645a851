import { count, eventSchemaWithout, USAGE_RECORDED_V1_FIELDS, USAGE_RECORDED_V2_FIELDS } from '@tollgate/contracts';
import { z } from 'zod';
import { CHECK_TO_COME } from './record-check.js';

/**
 * The type of a journal line. A line is `TYPE REQUEST ORGANISATION NUMBER JSON`, followed by a line with its checksum.
 * The shipper reads the prefix and need not parse the JSON. NUMBER grows by one with each final and is 0 for other
 * types.
 *
 * I  intent: written before the provider can be reached; holds all that an orphan's final needs
 * P  progress: what a long stream has delivered so far
 * F  final: the usage event, as it is published
 */
export type RecordType = 'I' | 'P' | 'F';

/** The parts of a usage event that are known before the provider is called, of this release and of the one before. */
const begunEvent = z.discriminatedUnion('eventVersion', [
  eventSchemaWithout(USAGE_RECORDED_V2_FIELDS, 'end'),
  eventSchemaWithout(USAGE_RECORDED_V1_FIELDS, 'end'),
]);

/** What is known of a request before its provider is called. The final adds the rest, in the same version. */
export interface Intent {
  readonly event: z.infer<typeof begunEvent>;
  /**
   * Estimated from the body. It is charged as input, at the prices beside it, if the progress of the request has no
   * event.
   */
  readonly inputTokensEstimate: number;
  readonly inputNanoUsdPerMillion: string;
  readonly outputNanoUsdPerMillion: string;
}

/** What a stream has used so far. */
export interface Progress {
  /** The output tokens that it has delivered. */
  readonly outputTokens: number;
  /**
   * The parts of its event about its target and its end, as if it broke off then: its usage, cost and charge. The
   * release before wrote none.
   */
  readonly event?: Readonly<Record<string, unknown>> | undefined;
}

const amount = z.string().regex(/^\d{1,30}$/);

/** Checks an intent that is read back, since a power cut can leave anything in a file. */
export const intentSchema: z.ZodType<Intent> = z.object({
  event: begunEvent,
  inputTokensEstimate: count,
  inputNanoUsdPerMillion: amount,
  outputNanoUsdPerMillion: amount,
});
/** Checks a progress record that is read back. */
export const progressSchema: z.ZodType<Progress> = z.object({
  outputTokens: count,
  event: z.record(z.string(), z.unknown()).optional(),
});

/** A parsed journal line. `json` is the text of an `Intent`, a `Progress` or a usage event, by `type`. */
export interface JournalRecord {
  readonly type: RecordType;
  readonly requestId: string;
  readonly organizationId: string;
  readonly number: number;
  readonly json: string;
}

/** Formats a record, with a placeholder for its checksum, which `LineEncoder` fills in. */
export function formatRecord(
  type: RecordType,
  requestId: string,
  organizationId: string,
  number: number,
  json: string,
): string {
  return `${type} ${requestId} ${organizationId} ${number} ${json}${CHECK_TO_COME}`;
}

/** Parses a text that `formatRecord` made. */
export function recordIn(text: string): JournalRecord | null {
  return parseRecord(text.slice(0, text.indexOf('\n')));
}

/** Parses JSON; returns undefined if it is invalid. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON may contain U+2028 and U+2029, and a model's name any character: the flag `s` lets the dot match them. */
const LINE = /^([IPF]) (\S+) (\S+) (\d+) (\{.*\})$/s;

/** Parses one line without its line feed. Returns null if it is no record, for example after a torn write. */
export function parseRecord(line: string): JournalRecord | null {
  const match = LINE.exec(line);
  if (match === null) return null;
  const [, type, requestId = '', organizationId = '', number, json = ''] = match;
  return { type: type as RecordType, requestId, organizationId, number: Number(number), json };
}
