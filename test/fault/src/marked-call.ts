import { waitUntil } from '@tollgate/infra';
import { chatBody, holdNanoUsd, type ChatFields, type CreatedKey, type DistributedShape } from '@tollgate/journey';
import type { LogEntry } from '@tollgate/provider-simulator';
import { accountOf, balancesOf } from './invariants.js';

let marks = 1_000;

/** One call that can be found in the provider's log when its caller never learned its request id. */
export class MarkedCall {
  readonly fields: ChatFields;
  readonly #mark = ++marks;

  constructor(fields: ChatFields = {}) {
    // Input tokens as the provider will report them: nobody else's number.
    this.fields = { max_tokens: 400, ...fields, simulator: { ...fields.simulator, prompt_tokens: this.#mark } };
  }

  get bodyBytes(): number {
    return Buffer.byteLength(chatBody(this.fields));
  }

  /** What it holds, in nano-USD. */
  get hold(): bigint {
    return holdNanoUsd('gpt-4o-mini', this.bodyBytes, this.fields.max_tokens!);
  }

  entries(shape: DistributedShape): LogEntry[] {
    return shape.simulator.log().filter(({ behaviour }) => behaviour.prompt_tokens === this.#mark);
  }

  /** Its entry as soon as the provider has been asked. */
  atProvider(shape: DistributedShape): Promise<LogEntry> {
    return waitUntil(() => this.entries(shape)[0], { what: 'the provider to be asked', intervalMs: 2 });
  }
}

/** Waits until so much is held on the key's account. */
export async function untilHeld(
  shape: DistributedShape,
  key: CreatedKey,
  amount: bigint,
  timeoutMs = 30_000,
): Promise<void> {
  await waitUntil(async () => (await heldOn(shape, key)) === amount, {
    what: `${amount} nano-USD to be held`,
    timeoutMs,
    intervalMs: 5,
  });
}

async function heldOn(shape: DistributedShape, key: CreatedKey): Promise<bigint> {
  return (await balancesOf(shape)).find(({ accountId }) => accountId === accountOf(key))?.held ?? 0n;
}
