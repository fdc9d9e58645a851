import type { JournaledRequest } from './journaled-request.js';
import type { RecordType } from './records.js';
import type { Segment } from './segment.js';

/** Lines of a journal in order, with the request that each record belongs to, by type of record. */
export interface Batch {
  readonly lines: string[];
  readonly intents: JournaledRequest[];
  readonly progress: JournaledRequest[];
  readonly finals: JournaledRequest[];
}

/** A batch without records. */
export function emptyBatch(): Batch {
  return { lines: [], intents: [], progress: [], finals: [] };
}

/** Appends one formatted record of `request` to the batch. */
export function addToBatch(batch: Batch, type: RecordType, request: JournaledRequest, line: string): void {
  batch.lines.push(line);
  (type === 'I' ? batch.intents : type === 'F' ? batch.finals : batch.progress).push(request);
}

/** The lines of `a`, then those of `b`. */
export function joinBatches(a: Batch, b: Batch): Batch {
  if (a.lines.length === 0) return b;
  return {
    lines: [...a.lines, ...b.lines],
    intents: [...a.intents, ...b.intents],
    progress: [...a.progress, ...b.progress],
    finals: [...a.finals, ...b.finals],
  };
}

/** Tells each request of a batch that its record was written to this segment. */
export function noteWritten({ intents, progress, finals }: Batch, segment: Segment): void {
  for (const request of intents) request.intentIsIn(segment);
  for (const request of progress) request.progressIsIn(segment);
  for (const request of finals) request.end();
}
