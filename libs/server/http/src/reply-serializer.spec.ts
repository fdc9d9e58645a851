import { Controller, Get, Module, Param } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { pathSchema, Replies } from '@tollgate/openapi';
import { createLogger } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createNestServer, publicRoutesOf } from './index.js';

const thing = z.object({ id: z.string(), parts: z.array(z.object({ name: z.string() })) });
const thingPath = pathSchema('api_key_not_found', z.object({ id: z.string().max(4).toLowerCase() }));
const DIGEST = 'canary-of-a-digest';
const row = (id: string) => ({ id, digest: DIGEST, parts: [{ name: 'a', digest: DIGEST }] });

@Controller('things')
class ThingsController {
  @Get()
  @Replies(z.array(thing), { 200: 'All things.' })
  all() {
    return [row('a'), row('b')];
  }
  @Get('broken')
  @Replies(thing, { 200: 'Never.' })
  broken() {
    return { ...row('a'), parts: [{ name: 7, digest: DIGEST }] };
  }
  @Get(':id')
  @Replies(thing, { 200: 'A thing.', 202: 'A thing to come.' })
  one(@Param({ schema: thingPath }) { id }: z.output<typeof thingPath>) {
    return row(id);
  }
}

@Module({ controllers: [ThingsController] })
class ThingsModule {}

const log: string[] = [];
let app: NestFastifyApplication;
beforeAll(async () => {
  const logger = createLogger({ service: 'test', destination: { write: (line) => void log.push(line) } });
  app = await createNestServer(ThingsModule, { logger });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
});
afterAll(() => app.close());
const get = async (url: string) => {
  const reply = await app.inject({ method: 'GET', url });
  return { status: reply.statusCode, body: reply.json() };
};

describe('a reply', () => {
  it('has the fields of its schema, at every level, and no others', async () => {
    const shown = { id: 'a', parts: [{ name: 'a' }] };
    expect(await get('/things/A')).toEqual({ status: 200, body: shown });
    expect(await get('/things')).toEqual({ status: 200, body: [shown, { ...shown, id: 'b' }] });
  });
  it('that is not as its schema has it never leaves, and the log names the field alone', async () => {
    expect(await get('/things/broken')).toMatchObject({ status: 500, body: { code: 'internal_error' } });
    expect(log.join('')).toContain('a reply is not as its schema has it, at parts[0].name');
    expect(log.join('')).not.toContain(DIGEST);
  });
});

describe('a path', () => {
  it('whose parameters name nothing is refused as its schema says', async () => {
    expect(await get('/things/abcde')).toMatchObject({ status: 404, body: { code: 'api_key_not_found' } });
  });
});

describe('the routes of a server', () => {
  it('are listed as documents name them', () => {
    expect(publicRoutesOf(app)).toEqual(
      ['/things', '/things/broken', '/things/{id}'].map((path) => ({ method: 'GET', path })),
    );
  });
});
