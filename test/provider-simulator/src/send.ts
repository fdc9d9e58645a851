import type { Behaviour } from './behaviour.js';
import type { Exchange } from './exchange.js';
import { errorOfStatus } from './errors.js';

/** One whole event of a stream. */
export interface Frame {
  readonly text: string;
  /** Carries content, and is counted. */
  readonly content?: boolean;
  /** Is sent at once after the one before it: another choice's part of the same piece. */
  readonly atOnce?: boolean;
  /** The first frame after all content. */
  readonly tail?: boolean;
  /** Reports the usage of the whole answer. */
  readonly usage?: boolean;
}

const FAIL_AFTER_CHUNKS = 1;

/** Sends a stream at the pace, and as far, as the behaviour says. `errorFrame`: the dialect's error in mid-stream. */
export async function sendStream(
  exchange: Exchange,
  behaviour: Behaviour,
  frames: Iterable<Frame>,
  errorFrame: () => string,
): Promise<void> {
  const { entry } = exchange;
  const fails = behaviour.fail?.endsWith('_mid_stream') === true;
  const failAfter = fails ? (behaviour.fail_after_chunks ?? FAIL_AFTER_CHUNKS) : undefined;
  exchange.open(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  for (const frame of frames) {
    const content = frame.content === true;
    if (fails && (frame.tail === true || (content && entry.chunks_sent === failAfter)))
      return breakOff(exchange, behaviour, frame.text, errorFrame);
    const pause = content && frame.atOnce !== true && entry.chunks_sent > 0 ? behaviour.chunk_interval_ms : 0;
    if (pause && !(await exchange.pause(pause))) return;
    const ready = exchange.write(frame.text);
    if (content) entry.chunks_sent += 1;
    if (frame.usage === true) entry.usage_reported = true;
    if (!ready && !(await exchange.drained())) return;
  }
  exchange.end();
}

async function breakOff(
  exchange: Exchange,
  { fail }: Behaviour,
  next: string,
  errorFrame: () => string,
): Promise<void> {
  if (fail === 'reset_mid_stream') return exchange.reset();
  exchange.write(fail === 'error_mid_stream' ? errorFrame() : next.slice(0, next.length / 2));
  exchange.end();
}

/** Sends an answer that is not streamed, as far as the behaviour says. */
export async function sendPlain(
  exchange: Exchange,
  behaviour: Behaviour,
  json: string,
  reportsUsage: boolean,
): Promise<void> {
  const half = json.slice(0, json.length / 2);
  const { fail } = behaviour;
  if (fail === 'end_mid_stream') return exchange.reply(200, half);
  if (fail === 'error_mid_stream') return exchange.refuse(500, errorOfStatus(500));
  if (fail === 'reset_mid_stream') {
    exchange.open(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) });
    exchange.write(half);
    return exchange.reset();
  }
  exchange.entry.usage_reported = reportsUsage;
  return exchange.reply(200, json);
}
