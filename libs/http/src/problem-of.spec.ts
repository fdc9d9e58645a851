import { describe, expect, it } from 'vitest';
import { problemOf } from './problem-of.js';

const coded = (code: string, message = 'x'): Error => Object.assign(new Error(message), { code });

describe('what was thrown', () => {
  it('is 503 where a database or a service is away', () => {
    for (const error of [coded('ECONNREFUSED'), coded('ECONNRESET'), coded('57P01'), new Error('Connection terminated unexpectedly'), Object.assign(new Error('query failed'), { driverError: coded('57P03') })]) {
      expect(problemOf(error).code, error.message).toBe('service_unavailable');
    }
  });
  it('is 500 where nobody expected it', () => {
    for (const error of [new Error('x'), coded('23505'), 'text', new TypeError('undefined is not a function')]) expect(problemOf(error).code).toBe('internal_error');
  });
});
