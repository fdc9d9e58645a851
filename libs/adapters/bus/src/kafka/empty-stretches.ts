import type { Consumer } from 'kafkajs';

/** What is told of a batch after it was worked on. `batchSize` counts the messages that a consumer gets. */
interface WorkedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly batchSize: number;
  readonly firstOffset: string | null;
  readonly lastOffset: string;
}

/** A part of a partition in which there is no message, from its first offset to before `to`. */
interface Stretch {
  readonly from: bigint;
  readonly to: bigint;
}

const NOTED = /^no message from (\d+)$/;

/**
 * Notes in the offsets that the group commits where a partition has no messages: the ends of transactions take an
 * offset, and so do messages of transactions that were given up. No handler gets any of them, so no handler's own
 * offset ever passes them, and whoever waits for the end of the topic would wait until the next message.
 */
export class EmptyStretches {
  private readonly last = new Map<string, Stretch>();

  constructor(
    private readonly consumer: Pick<Consumer, 'commitOffsets'>,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  /** For each batch that the consumer has worked on: one without messages is a part, and one may follow another. */
  readonly worked = ({ topic, partition, batchSize, firstOffset, lastOffset }: WorkedBatch): void => {
    if (batchSize > 0 || firstOffset === null) return;
    const before = this.last.get(`${topic}/${partition}`);
    const first = BigInt(firstOffset);
    this.note(topic, partition, { from: before?.to === first ? before.from : first, to: BigInt(lastOffset) + 1n });
  };

  /** Notes what follows the last message of a batch that was handled, up to its end. */
  note(topic: string, partition: number, stretch: Stretch): void {
    this.last.set(`${topic}/${partition}`, stretch);
    if (stretch.from === stretch.to) return;
    const metadata = `no message from ${stretch.from}`;
    this.consumer
      .commitOffsets([{ topic, partition, offset: stretch.to.toString(), metadata }])
      .catch((error: unknown) => this.onFailure(error));
  }
}

/**
 * Where a consumer stands that has handled all before `next`, given what its group has committed: behind the part
 * without messages that begins there. A part that begins later says nothing of the messages before it.
 */
export function pastEmptyStretch(
  next: bigint,
  { offset, metadata }: { readonly offset: string; readonly metadata: string | null },
): bigint {
  const from = NOTED.exec(metadata ?? '')?.[1];
  const to = BigInt(offset);
  return from !== undefined && BigInt(from) <= next && next < to ? to : next;
}
