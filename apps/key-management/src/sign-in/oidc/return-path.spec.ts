import { describe, expect, it } from 'vitest';
import { returnPath } from './return-path.js';

const PUBLIC = 'https://tollgate.example';

describe('where a browser returns to', () => {
  it.each([
    ['/', '/'],
    ['/keys?page=2#top', '/keys?page=2#top'],
    ['/a/../b', '/b'],
    ['/a?to=https://evil.example', '/a?to=https://evil.example'],
  ])('is a path of our origin: %s', (text, path) => {
    expect(returnPath(text, PUBLIC)).toBe(path);
  });
  it.each([
    '',
    'keys',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    '\\\\evil.example',
    'https://evil.example/',
    'https:/evil.example',
    'javascript:alert(1)',
    ' /keys',
    '/a b',
    '/.//evil.example',
    '/a/..//evil.example',
    '/%0d%0aset-cookie:x\r\n',
    `/${'a'.repeat(2_000)}`,
  ])('is never %j', (text) => {
    expect(returnPath(text, PUBLIC)).toBeNull();
  });
});
