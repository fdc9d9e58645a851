import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from './problem.js';

/** Bodies of lines of JSON, which are read as they come and never kept whole, by the path of their route. */
const STREAMED: ReadonlyMap<string, number> = new Map([['/v1/api-keys/import', 128 * 1_048_576]]);

/** The media type of such a body: a JSON value on each line. */
export const LINES_MEDIA_TYPE = 'application/x-ndjson';

const CONFIG_KEY = 'tollgateStreamedBody';

/** Whether the body of a request is for its handler to read, by a route that takes such bodies. */
export function isStreamed({ routeOptions }: Pick<FastifyRequest, 'routeOptions'>): boolean {
  return (routeOptions.config as unknown as Readonly<Record<string, unknown>> | undefined)?.[CONFIG_KEY] === true;
}

/** Gives the routes of such bodies their limit, whichever service they are of, and the gateway's too. */
export function streamBodies(fastify: FastifyInstance): void {
  fastify.addHook('onRoute', (route) => {
    const limit = STREAMED.get(route.url);
    if (limit === undefined) return;
    route.bodyLimit = limit;
    route.config = { ...route.config, [CONFIG_KEY]: true } as NonNullable<typeof route.config>;
  });
}

/**
 * The bytes of a streamed body as they come.
 * @throws {Problem} `body_too_large` once more than `bytesMax` have come
 */
export async function* boundedBytes(body: Readable, bytesMax: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Problem('body_too_large');
    yield chunk;
  }
}
