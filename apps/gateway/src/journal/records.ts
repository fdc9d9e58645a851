import {
  count,
  eventSchemaWithout,
  USAGE_RECORDED_V1_FIELDS as FIELDS,
  type FieldsFrom,
  type UsageRecordedV1,
} from '@tollgate/contracts';
import { z } from 'zod';
import { CHECK_TO_COME } from './record-check.js';

/**
 * One line of a journal: `TYPE REQUEST ORGANISATION NUMBER JSON`, and the line of its checksum after it. The prefix
 * lets the shipper take finals out without parsing them; NUMBER is 0 but for finals, whose numbers grow by one.
 *
 * I  intent: written before the provider can be reached; holds all that an orphan's final needs
 * P  progress: what a long stream has delivered so far
 * F  final: the usage event, as it is published
 */
export type RecordType = 'I' | 'P' | 'F';

/** What is known of a request before its provider is called; the rest of its usage event comes at the end. */
export interface Intent {
  readonly event: Omit<UsageRecordedV1, FieldsFrom<typeof FIELDS, 'end'>>;
  /** Estimated from the body: what is charged for input where the provider never says. */
  readonly inputTokensEstimate: number;
  readonly inputNanoUsdPerMillion: string;
  readonly outputNanoUsdPerMillion: string;
}

export interface Progress {
  readonly outputTokens: number;
}

const amount = z.string().regex(/^\d{1,30}$/);

/** What a power cut left of a file may be anything: what is read back is checked. */
export const intentSchema: z.ZodType<Intent> = z.object({
  event: eventSchemaWithout(FIELDS, 'end'),
  inputTokensEstimate: count,
  inputNanoUsdPerMillion: amount,
  outputNanoUsdPerMillion: amount,
});
export const progressSchema: z.ZodType<Progress> = z.object({ outputTokens: count });

export interface JournalRecord {
  readonly type: RecordType;
  readonly requestId: string;
  readonly organizationId: string;
  readonly number: number;
  readonly json: string;
}

/** A record as it is written but for its checksum, which is put into its bytes. */
export function formatRecord(
  type: RecordType,
  requestId: string,
  organizationId: string,
  number: number,
  json: string,
): string {
  return `${type} ${requestId} ${organizationId} ${number} ${json}${CHECK_TO_COME}`;
}

/** The record in what `formatRecord` made. */
export function recordIn(text: string): JournalRecord | null {
  return parseRecord(text.slice(0, text.indexOf('\n')));
}

/** A value as JSON has it; undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON may hold U+2028 and U+2029 as they are, and a model's name anything: `s` lets the dot match them. */
const LINE = /^([IPF]) (\S+) (\S+) (\d+) (\{.*\})$/s;

/** Reads one line without its newline; null where it is none of ours (a torn write). */
export function parseRecord(line: string): JournalRecord | null {
  const match = LINE.exec(line);
  if (match === null) return null;
  return {
    type: match[1] as RecordType,
    requestId: match[2]!,
    organizationId: match[3]!,
    number: Number(match[4]),
    json: match[5]!,
  };
}
