import { describe, expect, it } from 'vitest';
import { headFault } from './head-fault.js';

const head = (lines: string): string[] =>
  lines.split('\n').flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]);

describe('the head of a request', () => {
  it.each([
    'Host: a',
    'host: a:80',
    'HOST: [::1]:8080',
    'Host: xn--bcher-kva.example',
    'Host:',
    'Host: a_b.c',
    'Host: %41',
    'x: 1',
    'Host: a\nAuthorization: Bearer x\nContent-Type: application/json',
    'Accept: a\nAccept: b',
    'Cookie: a\nCookie: b',
    'Host: a\nContent-Length: 3',
    'Transfer-Encoding: chunked',
    'transfer-encoding: Chunked',
    'Authorizatiom: a\nAuthorizatiom: b',
  ])('is in order: %j', (lines) => {
    expect(headFault(head(lines))).toBeNull();
  });
  it.each<[string, string]>([
    ['Host: a\nHost: a', 'more than one Host'],
    ['host: a\nx: 1\nHOST: b', 'more than one Host'],
    ['Authorization: Bearer a\nauthorization: Bearer b', 'more than one Authorization'],
    ['Content-Type: text/plain\nHost: a\nContent-type: application/json', 'more than one Content-Type'],
    ['Transfer-Encoding: gzip, chunked', 'Transfer-Encoding'],
    ['transfer-encoding: identity', 'Transfer-Encoding'],
    ['Transfer-Encoding: chunked, chunked', 'Transfer-Encoding'],
    ['Transfer-Encoding: \u000bchunked\u00a0x', 'Transfer-Encoding'],
    ...['a b', 'a/c', 'user@host', 'a\\b', 'a?b', 'a#b', 'a"b', '<a>', 'a\tb', 'a|b', 'a{b', '\u00e4', 'http://a'].map(
      (host): [string, string] => [`Host: ${host}`, 'Host header is no name'],
    ),
  ])('is refused: %j', (lines, words) => {
    expect(headFault(head(lines))).toContain(words);
  });
});
