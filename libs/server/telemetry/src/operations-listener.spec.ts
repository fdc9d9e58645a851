import { Counter } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { createMetricsRegistry, startOperationsListener, type OperationsListener, type Readiness } from './index.js';

let listener: OperationsListener;
const start = async (ready: () => Promise<Readiness>) => {
  const registry = createMetricsRegistry('test');
  new Counter({ name: 'tollgate_things_total', help: 'Things.', registers: [registry] }).inc(3);
  listener = await startOperationsListener({ host: '127.0.0.1', port: 0, ready, registry, readyTimeoutMs: 100 });
};
const get = async (path: string, init?: RequestInit) => {
  const reply = await fetch(listener.url + path, init);
  return { status: reply.status, type: reply.headers.get('content-type'), text: await reply.text() };
};
afterEach(() => listener.close());

describe('the operations listener', () => {
  it('says that the process lives, whether it is ready, and what it measured', async () => {
    let postgres = true;
    await start(async () => ({ ready: postgres, checks: { postgres } }));
    expect(await get('/healthz')).toMatchObject({ status: 200, text: '{"status":"ok"}' });
    expect(await get('/readyz?verbose=1')).toMatchObject({
      status: 200,
      text: '{"status":"ready","checks":{"postgres":true}}',
    });
    postgres = false;
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      text: '{"status":"not_ready","checks":{"postgres":false}}',
    });
    expect(await get('/healthz')).toMatchObject({ status: 200 });
    const metrics = await get('/metrics');
    expect(metrics.text).toContain('tollgate_things_total{service="test"} 3');
    expect(metrics.text).toContain('process_cpu_seconds_total');
  });
  it('says that it lives, and that it is not ready, while the process starts and while it stops', async () => {
    const stages: Readiness[] = [
      { ready: false, checks: {}, stage: 'starting', waitingFor: 'PostgreSQL' },
      { ready: false, checks: {}, stage: 'stopping' },
    ];
    await start(() => Promise.resolve(stages.shift()!));
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      text: '{"status":"starting","waiting_for":"PostgreSQL","checks":{}}',
    });
    for (const path of ['/livez', '/healthz']) expect(await get(path)).toMatchObject({ status: 200 });
    expect(await get('/readyz')).toMatchObject({ status: 503, text: '{"status":"stopping","checks":{}}' });
  });
  it('is not ready where the check throws or does not end', async () => {
    await start(() => Promise.reject(new Error('canary')));
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      text: '{"status":"not_ready","checks":{"check_completed":false}}',
    });
    await listener.close();
    await start(() => new Promise(() => undefined));
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      text: '{"status":"not_ready","checks":{"answered_in_time":false}}',
    });
  });
  it('tells an address that can be reached, also where it listens on all of them', async () => {
    const registry = createMetricsRegistry('test', { processMetrics: false });
    listener = await startOperationsListener({
      host: '0.0.0.0',
      port: 0,
      ready: async () => ({ ready: true, checks: {} }),
      registry,
    });
    expect(new URL(listener.url).hostname).toBe('127.0.0.1');
    expect((await get('/healthz')).status).toBe(200);
  });
  it('has nothing else', async () => {
    await start(async () => ({ ready: true, checks: {} }));
    for (const path of ['/', '/constructor', '/metrics/x']) expect((await get(path)).status).toBe(404);
    expect((await get('/metrics', { method: 'POST' })).status).toBe(405);
  });
  it('rejects where it cannot bind', async () => {
    await start(async () => ({ ready: true, checks: {} }));
    const port = Number(new URL(listener.url).port);
    const registry = createMetricsRegistry('test', { processMetrics: false });
    await expect(
      startOperationsListener({ host: '127.0.0.1', port, ready: async () => ({ ready: true, checks: {} }), registry }),
    ).rejects.toThrow('EADDRINUSE');
  });
});
