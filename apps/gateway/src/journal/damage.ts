import type { Segment } from './segment.js';

type DamageListener = (segment: Segment, bytes: number) => void;

/** What has turned out to be no record in the segments of a journal. */
export class Damage {
  #bytes = 0;
  #listener: DamageListener = () => undefined;

  /** Bytes that are no record, seen since this process has the journal. */
  get bytes(): number {
    return this.#bytes;
  }

  note(segment: Segment, bytes: number): void {
    segment.damagedBytes += bytes;
    this.#bytes += bytes;
    this.#listener(segment, bytes);
  }

  /** Tells what is damaged of a segment, at once for what was found so in `segments`. */
  tell(listener: DamageListener, segments: readonly Segment[]): void {
    this.#listener = listener;
    for (const segment of segments) if (segment.damagedBytes > 0) listener(segment, segment.damagedBytes);
  }
}
