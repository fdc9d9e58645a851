import { describe, expect, it } from 'vitest';
import { originForm, pathOfTarget } from './request-target.js';

describe('the target of a request', () => {
  it.each([
    ['/v1/usage?from=1', '/v1/usage?from=1'],
    ['http://host/v1/usage?from=1', '/v1/usage?from=1'],
    ['HTTPS://user@host:8443/v1', '/v1'],
    ['http://[::1]:80//v1', '//v1'],
    ['http://host', '/'],
    ['http://host?a=/b', '/?a=/b'],
    ['http:///v1', '/v1'],
    ['/http://host/v1', '/http://host/v1'],
    ['//host/v1', '//host/v1'],
    ['ftp://host/v1', 'ftp://host/v1'],
    ['*', '*'],
  ])('%s has the origin form %s', (target, expected) => {
    expect(originForm(target)).toBe(expected);
  });
  it('has its path before query and fragment', () => {
    for (const target of ['/a/b', '/a/b?', '/a/b?c#d', '/a/b#d?c', '/a/b?c=/d'])
      expect(pathOfTarget(target)).toBe('/a/b');
  });
});
