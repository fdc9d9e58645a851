import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@tollgate/infra';
import { eventsOf, type ChatFields, type CreatedKey, type Shape } from '@tollgate/journey';

/** One call of the load, as its client saw it. */
export interface CallRecord {
  readonly gateway: number;
  readonly key: CreatedKey;
  /** Null: no reply came. */
  readonly status: number | null;
  readonly requestId: string | null;
  /** Of a refusal. */
  readonly code: string | null;
  /** Whether the client had the whole of a 200: the complete JSON, or the stream with its end mark. */
  readonly whole: boolean;
  /** By `performance.now()`. */
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface LoadOptions {
  readonly keys: readonly CreatedKey[];
  /** Calls under way at once, at each gateway. */
  readonly workers: number;
}

/** Where a dead gateway refuses connections, a client that tries again at once would only heat the machine. */
const patienceAfterFailureMs = 10;

/**
 * Calls every gateway with every key, plain and streamed, quick and slow, until it is stopped. The mix follows from the
 * number of each call alone.
 */
export class Load {
  readonly records: CallRecord[] = [];
  readonly #workers: Promise<void>[];
  #number = 0;
  #stopping = false;

  constructor(
    private readonly shape: Shape,
    private readonly options: LoadOptions,
  ) {
    this.#workers = shape.gateways.flatMap((_, gateway) =>
      Array.from({ length: options.workers }, () => this.#work(gateway)),
    );
  }

  /** Waits until so many further calls fulfil a condition. */
  async untilFurther(
    count: number,
    what: string,
    counts: (record: CallRecord) => boolean = () => true,
    timeoutMs = 60_000,
  ): Promise<void> {
    const from = this.records.length;
    await waitUntil(() => this.records.slice(from).filter(counts).length >= count, {
      what: `${count} further calls: ${what}`,
      timeoutMs,
    });
  }

  /** Begins no further call; resolves when those under way have ended, well or badly. */
  async stop(): Promise<readonly CallRecord[]> {
    this.#stopping = true;
    await Promise.all(this.#workers);
    return this.records;
  }

  async #work(gateway: number): Promise<void> {
    while (!this.#stopping) {
      const number = this.#number++;
      const record = await this.#call(gateway, this.options.keys[number % this.options.keys.length]!, fieldsOf(number));
      this.records.push(record);
      if (record.status === null) await delay(patienceAfterFailureMs);
    }
  }

  async #call(gateway: number, key: CreatedKey, fields: ChatFields): Promise<CallRecord> {
    const startedAt = performance.now();
    const seen = {
      status: null as number | null,
      requestId: null as string | null,
      code: null as string | null,
      whole: false,
    };
    try {
      const reply = await this.shape.client(gateway).openChat(key.secret, fields);
      seen.status = reply.status;
      seen.requestId = reply.requestId || null;
      const { complete, text } = await reply.ended;
      if (reply.status === 200)
        seen.whole = complete && (fields.stream ? eventsOf(text).at(-1)?.data === '[DONE]' : text.endsWith('}'));
      else seen.code = (JSON.parse(text) as { error?: { code?: string } }).error?.code ?? null;
    } catch {
      // No reply, or half of one: what was seen of it is in the record.
    }
    return { gateway, key, ...seen, startedAt, endedAt: performance.now() };
  }
}

/** Input and output differ from call to call, so that a charge booked under another call's id shows. */
function fieldsOf(number: number): ChatFields {
  const usage = { prompt_tokens: 20 + (number % 50), completion_tokens: 10 + (number % 37), chunks: 10 };
  switch (number % 4) {
    case 0:
      return { stream: false, max_tokens: 60, simulator: usage };
    case 1:
      return { stream: true, max_tokens: 60, simulator: usage };
    case 2:
      return {
        stream: true,
        max_tokens: 60,
        stream_options: { include_usage: true },
        simulator: { ...usage, chunk_interval_ms: 8 },
      };
    default:
      return { stream: false, max_tokens: 60, simulator: { ...usage, delay_ms: 40 } };
  }
}

/** One with much credit first, one whose credit ends under the load, one without a limit. */
export async function keysOfAllKinds(shape: Shape): Promise<CreatedKey[]> {
  const client = shape.client();
  return [
    await client.createKey({ credit_limit_usd: 20 }),
    await client.createKey({ credit_limit_usd: '0.001' }),
    await client.createKey(),
  ];
}
