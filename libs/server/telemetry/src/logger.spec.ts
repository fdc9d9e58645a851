import { describe, expect, it } from 'vitest';
import { createLogger, nestLogger } from './index.js';

const logged = (level: 'info' | 'debug' = 'info') => {
  const lines: string[] = [];
  const logger = createLogger({ service: 'test', level, destination: { write: (line) => void lines.push(line) } });
  return { logger, lines, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> };
};

describe('a log line', () => {
  it('names service, level, time and message', () => {
    const { logger, last } = logged();
    logger.info({ requestId: 'r' }, 'hello');
    expect(last()).toMatchObject({
      service: 'test',
      level: 'info',
      message: 'hello',
      requestId: 'r',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });
  it('keeps secrets to itself wherever they sit', () => {
    const { logger, lines } = logged();
    logger.info({ authorization: 'canary', secret: 'canary', headers: { 'x-api-key': 'canary', cookie: 'canary' } });
    logger.info({
      request: { headers: { authorization: 'canary', 'api-key': 'canary', 'set-cookie': 'canary' } },
      provider: { credential: 'canary' },
    });
    expect(lines).toHaveLength(2);
    expect(lines.join('')).not.toContain('canary');
  });
  it('has of an error its type, message, code, stack and causes, and nothing a driver hung on it', () => {
    const { logger, last, lines } = logged();
    const cause = Object.assign(new Error('inner'), { detail: 'canary' });
    logger.error(
      {
        err: Object.assign(new TypeError('outer', { cause }), { code: 'E_X', parameters: ['canary'], query: 'canary' }),
      },
      'failed',
    );
    expect(last()['err']).toMatchObject({
      type: 'TypeError',
      message: 'outer',
      code: 'E_X',
      stack: expect.stringContaining('outer'),
      cause: { message: 'inner' },
    });
    expect(lines.join('')).not.toContain('canary');
  });
  it('survives an error that is its own cause', () => {
    const { logger, lines } = logged();
    const error = new Error('loop');
    error.cause = error;
    logger.error({ err: error });
    expect(lines).toHaveLength(1);
  });
});

describe("Nest's messages", () => {
  it('of the start are for debugging, its warnings and errors are not', () => {
    const { logger, last, lines } = logged();
    const nest = nestLogger(logger);
    nest.log('Mapped {/x, GET} route', 'RouterExplorer');
    expect(lines).toHaveLength(0);
    nest.warn('careful', 'Context');
    expect(last()).toMatchObject({ level: 'warn', message: 'careful', context: 'Context' });
    nest.error('broken', 'at x.js:1', 'Context');
    expect(last()).toMatchObject({ level: 'error', message: 'broken', stack: 'at x.js:1', context: 'Context' });
    nest.error(Object.assign(new Error('thrown'), { parameters: ['canary'] }));
    expect(last()).toMatchObject({ level: 'error', message: 'thrown', err: { message: 'thrown' } });
    expect(lines.join('')).not.toContain('canary');
  });
});
