import type { Segment } from './segment.js';

type DamageListener = (segment: Segment, bytes: number) => void;

/** Counts the bytes of a journal's segments that are not valid records. */
export class Damage {
  #bytes = 0;
  #listener: DamageListener = () => undefined;

  /** Bytes that are no valid record, found since this process opened the journal. */
  get bytes(): number {
    return this.#bytes;
  }

  note(segment: Segment, bytes: number): void {
    segment.damagedBytes += bytes;
    this.#bytes += bytes;
    this.#listener(segment, bytes);
  }

  /** Sets the listener, and calls it at once for the damage already found in `segments`. */
  tell(listener: DamageListener, segments: readonly Segment[]): void {
    this.#listener = listener;
    for (const segment of segments) if (segment.damagedBytes > 0) listener(segment, segment.damagedBytes);
  }
}
