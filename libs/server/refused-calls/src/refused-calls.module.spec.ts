import { Controller, Get, Module, Param } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { KEY_MANAGEMENT_API, type RefusedCall } from '@tollgate/contracts';
import { createNestServer, Problem } from '@tollgate/http';
import { createLogger, LOGGER } from '@tollgate/telemetry';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RefusedCallsModule } from './refused-calls.module.js';

@Controller()
class Refusing {
  @Get('v1/things/:code')
  refuse(@Param('code') code: 'access_denied' | 'invalid_link' | 'invalid_request'): never {
    throw new Problem(code);
  }

  @Get('internal/things')
  internal(): never {
    throw new Problem('access_denied');
  }
}

@Module({ imports: [RefusedCallsModule], controllers: [Refusing] })
class Server {}

@Module({})
class Ports {}

const reported: RefusedCall[] = [];
let isAway: boolean;
let app: NestFastifyApplication;

beforeEach(async () => {
  reported.length = 0;
  isAway = false;
  const keyManagement = {
    recordRefusedCalls: (calls: readonly RefusedCall[]) => {
      if (isAway) return Promise.reject(new Error('away'));
      reported.push(...calls);
      return Promise.resolve();
    },
  };
  const logger = createLogger({ service: 'test', level: 'silent' });
  const providers = [
    { provide: KEY_MANAGEMENT_API, useValue: keyManagement },
    { provide: LOGGER, useValue: logger },
  ];
  const exported = providers.map(({ provide }) => provide);
  const ports = { module: Ports, global: true, providers, exports: exported };
  app = await createNestServer({ module: Server, imports: [ports] }, { logger });
  await app.init();
});
afterEach(() => app.close());

const get = async (url: string) => (await app.inject({ method: 'GET', url })).statusCode;

it('reports refused calls of the admin API, and no others', async () => {
  expect(await get('/v1/things/access_denied?secret=x')).toBe(403);
  expect(await get('/v1/things/invalid_request')).toBe(400);
  expect(await get('/v1/nothing')).toBe(404);
  expect(await get('/internal/things')).toBe(403);
  await vi.waitFor(() => expect(reported).toHaveLength(1), { timeout: 20_000 });
  await app.close();
  expect(reported).toMatchObject([
    {
      organizationId: null,
      principal: { kind: 'unknown' },
      address: '127.0.0.1',
      route: 'GET /v1/things/{code}',
      code: 'access_denied',
      status: 403,
      count: 1,
    },
  ]);
  expect(JSON.stringify(reported)).not.toContain('secret');
});

it('reports a token of a mail that opens nothing', async () => {
  expect(await get('/v1/things/invalid_link')).toBe(400);
  await app.close();
  expect(reported).toMatchObject([{ code: 'invalid_link', status: 400 }]);
});

it('keeps what key-management could not take, and reports it at the latest when the process ends', async () => {
  isAway = true;
  await get('/v1/things/access_denied');
  await get('/v1/things/access_denied');
  isAway = false;
  await app.close();
  expect(reported.reduce((sum, { count }) => sum + count, 0)).toBe(2);
});

it('ends while key-management is away', async () => {
  isAway = true;
  await get('/v1/things/access_denied');
  await app.close();
  expect(reported).toEqual([]);
});
