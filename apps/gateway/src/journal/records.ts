import type { UsageRecordedV1 } from '@tollgate/contracts';

/**
 * One line of a journal: `TYPE REQUEST ORGANISATION NUMBER JSON`. The prefix lets the shipper take finals out
 * without parsing them; NUMBER is 0 but for finals, whose numbers grow by one.
 *
 * I  intent: written before the provider can be reached; holds all that an orphan's final needs
 * P  progress: what a long stream has delivered so far
 * F  final: the usage event, as it is published
 */
export type RecordType = 'I' | 'P' | 'F';

/** What is known of a request before its provider is called; the rest of its usage event comes at the end. */
export interface Intent {
  readonly event: Omit<UsageRecordedV1, 'journalNumber' | 'outcome' | 'inputTokens' | 'outputTokens' | 'cachedInputTokens' | 'reasoningTokens' | 'usageSource' | 'costNanoUsd' | 'chargeNanoUsd' | 'endedAt'>;
  /** Estimated from the body: what is charged for input where the provider never says. */
  readonly inputTokensEstimate: number;
  readonly inputNanoUsdPerMillion: string;
  readonly outputNanoUsdPerMillion: string;
}

export interface Progress {
  readonly outputTokens: number;
}

export interface JournalRecord {
  readonly type: RecordType;
  readonly requestId: string;
  readonly organizationId: string;
  readonly number: number;
  readonly json: string;
}

export function formatRecord(type: RecordType, requestId: string, organizationId: string, number: number, json: string): string {
  return `${type} ${requestId} ${organizationId} ${number} ${json}\n`;
}

const LINE = /^([IPF]) (\S+) (\S+) (\d+) (\{.*\})$/;

/** Reads one line without its newline; null where it is none of ours (a torn write). */
export function parseRecord(line: string): JournalRecord | null {
  const match = LINE.exec(line);
  if (match === null) return null;
  return { type: match[1] as RecordType, requestId: match[2]!, organizationId: match[3]!, number: Number(match[4]), json: match[5]! };
}
