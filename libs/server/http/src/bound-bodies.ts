import { finished, Transform, type TransformCallback } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { BodyBudget, type BodyRoom } from './body-budget.js';
import { BodyChunks } from './body-chunks.js';
import { declaredBytes } from './body-framing.js';
import { watchPace } from './body-pace.js';
import { askForBody } from './expect-continue.js';
import { Problem } from './problem.js';
import { readAway } from './read-away.js';
import { isStreamed } from './streamed-bodies.js';

/** What administration and webhooks may take of the budget: beside a gateway the rest is for inference. */
const PART = 0.25;
/** What is passed on at a time, but for the last of a body. */
const PASSED_BYTES = 16_384;

/**
 * Holds bodies to the budget: each takes room before it is read, by its `Content-Length` or as it grows, and gives it
 * back when its request is answered; 503 `server_busy` where there is none. A large one that comes too slowly is 408.
 */
export function boundBodies(fastify: FastifyInstance, budget: BodyBudget, timeoutMs: number): void {
  const part = new BodyBudget(Math.floor(budget.bytesMax * PART));
  fastify.addHook('preParsing', (request, reply, payload, done) => {
    const declared = declaredBytes(request.raw);
    // Above the limit it is 413 without being read.
    if (declared === 0 || (declared ?? 0) > request.routeOptions.bodyLimit) return done(null, payload);
    // Its handler reads it as fast as it can do something with it, and keeps none.
    if (isStreamed(request)) {
      askForBody(request.raw, reply.raw);
      return done(null, payload);
    }
    const room = budget.open(part);
    finished(reply.raw, () => room.free());
    if (declared !== null && room.grow(declared) !== null) return done(noRoom());
    askForBody(request.raw, reply.raw);
    const body = new ArrivingBody(room, declared, timeoutMs);
    payload.on('error', (error) => body.destroy(error));
    body.on('error', () => {
      payload.unpipe(body);
      readAway(request.raw);
    });
    done(null, payload.pipe(body));
  });
}

/** 503, worth repeating after a second. */
function noRoom(): Problem {
  return new Problem('server_busy', { headers: { 'retry-after': '1' } });
}

/** A body on its way, passed on as it comes, but not in its sender's chunks. */
class ArrivingBody extends Transform {
  #bytes = 0;
  readonly #chunks = new BodyChunks();
  readonly #unwatch: () => void;

  constructor(
    private readonly room: BodyRoom,
    sizeBytes: number | null,
    timeoutMs: number,
  ) {
    super();
    const tooSlow = (): void => void this.destroy(new Problem('request_timeout'));
    this.#unwatch = watchPace({ bytes: () => this.#bytes, sizeBytes, timeoutMs }, tooSlow);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.length;
    if (this.room.grow(this.#bytes) !== null) return done(noRoom());
    this.#chunks.add(chunk);
    if (this.#chunks.bytes < PASSED_BYTES) done();
    else done(null, this.#chunks.take());
  }

  override _flush(done: TransformCallback): void {
    this.#unwatch();
    if (this.#chunks.bytes === 0) done();
    else done(null, this.#chunks.take());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#unwatch();
    done(error);
  }
}
