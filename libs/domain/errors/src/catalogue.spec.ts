import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERRORS, errorDocsUri, problemBody, type ErrorCode } from './index.js';

const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section] as const),
);
const codes = Object.keys(ERRORS) as ErrorCode[];

describe('the page of errors', () => {
  it('has a section for each code, in the order of the catalogue, and no other', () => {
    expect([...sections.keys()]).toEqual(codes);
  });
  it.each(codes)('says of %s what the catalogue says, and what to do', (code) => {
    const { status, retryable } = ERRORS[code];
    expect(sections.get(code)).toContain(`\n**${status}.** ${retryable ? 'Worth' : 'Not worth'} repeating.\n`);
    expect(sections.get(code)).toContain('What to do: ');
  });
});

describe('the catalogue', () => {
  it('asks nobody to repeat what cannot succeed', () => {
    for (const code of codes) {
      const { status, retryable } = ERRORS[code];
      expect([code, retryable]).toEqual([
        code,
        status >= 500 || status === 408 || status === 429 || code === 'idempotency_conflict',
      ]);
    }
  });
});

describe('the body of an error', () => {
  it('as a problem points to its section and leaves out what is not there', () => {
    expect(problemBody('not_found')).toEqual({
      type: '/docs/errors/not_found',
      title: 'There is nothing at this path.',
      status: 404,
      code: 'not_found',
    });
    expect(
      problemBody('invalid_request', {
        detail: 'd',
        errors: [{ path: 'name', message: 'is required' }],
        requestId: 'r',
        instance: '/x',
      }),
    ).toMatchObject({
      detail: 'd',
      errors: [{ path: 'name', message: 'is required' }],
      request_id: 'r',
      instance: '/x',
    });
    expect(errorDocsUri('quota_exceeded')).toBe('/docs/errors/quota_exceeded');
  });
});
