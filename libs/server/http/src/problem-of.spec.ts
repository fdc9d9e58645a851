import { BadRequestException, HttpException, NotFoundException } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { problemOf } from './problem-of.js';
import { Problem } from './problem.js';

const fastifyError = (code: string, statusCode: number) =>
  Object.assign(new Error('canary'), { name: 'FastifyError', code, statusCode });

describe('what was thrown becomes a problem', () => {
  it.each([
    [new NotFoundException('Cannot GET /canary'), 'not_found'],
    [new BadRequestException('canary'), 'invalid_request'],
    [new HttpException('canary', 418), 'invalid_request'],
    [new HttpException('canary', 507), 'internal_error'],
    [fastifyError('FST_ERR_CTP_BODY_TOO_LARGE', 413), 'body_too_large'],
    [fastifyError('FST_ERR_CTP_INVALID_CONTENT_LENGTH', 400), 'invalid_request'],
    [fastifyError('FST_ERR_MAX_PARAM_LENGTH', 414), 'not_found'],
    [fastifyError('FST_REPLY_FROM_INTERNAL_SERVER_ERROR', 500), 'service_unavailable'],
    [fastifyError('FST_REPLY_FROM_GATEWAY_TIMEOUT', 504), 'service_unavailable'],
    [Object.assign(new Error('canary'), { code: 'ECONNRESET', statusCode: 400 }), 'invalid_request'],
    // A service behind the proxy, or a database, that died in the middle of a request or is not there.
    [Object.assign(new Error('canary'), { code: 'ECONNRESET' }), 'service_unavailable'],
    [Object.assign(new Error('canary'), { code: 'ECONNREFUSED' }), 'service_unavailable'],
    [
      Object.assign(new Error('canary'), { driverError: Object.assign(new Error('canary'), { code: '57P03' }) }),
      'service_unavailable',
    ],
    [new Error('Connection terminated unexpectedly'), 'service_unavailable'],
    [Object.assign(new Error('canary'), { code: '23505' }), 'internal_error'],
    [new Error('canary'), 'internal_error'],
    ['canary', 'internal_error'],
    [undefined, 'internal_error'],
  ])('%s: %s', (thrown, code) => {
    const problem = problemOf(thrown);
    expect(problem.code).toBe(code);
    expect(problem.message).not.toContain('canary');
    expect(problem.detail).toBeUndefined();
  });
  it('stays the problem it is, also where Nest wrapped it', () => {
    const problem = new Problem('conflict');
    expect(problemOf(problem)).toBe(problem);
    expect(problemOf(new HttpException('wrapped', 500, { cause: problem }))).toBe(problem);
  });
});
