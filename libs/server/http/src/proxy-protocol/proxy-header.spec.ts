import { describe, expect, it } from 'vitest';
import { readProxyHeader } from './proxy-header.js';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
/** 198.51.100.7:17085 to 192.0.2.1:443. */
const IPV4 = 'c6336407 c0000201 42bd 01bb';
/** [2001:db8::7]:17085 to [2001:db8::1]:443. */
const IPV6 = '20010db8000000000000000000000007 20010db8000000000000000000000001 42bd 01bb';
const MAPPED = '00000000000000000000ffffc6336407 20010db8000000000000000000000001 42bd 01bb';
const header = (command: string, kind: string, announced: number, rest = '') =>
  hex(`${SIGNATURE}${command}${kind}${announced.toString(16).padStart(4, '0')}${rest}`);
const client = (address: string, family = 'IPv4') => ({ address, port: 17_085, family });

describe('a header of the PROXY protocol', () => {
  it.each([
    ['TCP over IPv4', header('21', '11', 12, IPV4), 28, client('198.51.100.7')],
    ['TCP over IPv6', header('21', '21', 36, IPV6), 52, client('2001:db8::7', 'IPv6')],
    ['an IPv4 client of an IPv6 listener', header('21', '21', 36, MAPPED), 52, client('198.51.100.7')],
    ['TLVs behind the addresses', header('21', '11', 20, `${IPV4} 04 0005 0102030405`), 36, client('198.51.100.7')],
    [
      'a request behind it',
      Buffer.concat([header('21', '11', 12, IPV4), Buffer.from('GET /')]),
      28,
      client('198.51.100.7'),
    ],
    ['a health check', header('20', '00', 0), 16, null],
    ['a health check with addresses that mean nothing', header('20', '11', 12, IPV4), 28, null],
    ['a health check with what nobody knows', header('20', 'ff', 3, '010203'), 19, null],
  ])('is read: %s', (_, start, bytes, of) => {
    expect(readProxyHeader(start)).toEqual({ kind: 'whole', bytes, client: of });
  });

  it('is waited for as long as what has come may be the beginning of one', () => {
    const whole = header('21', '11', 300, IPV4 + '00'.repeat(288));
    for (let bytes = 0; bytes < whole.length; bytes++) {
      const reading = readProxyHeader(whole.subarray(0, bytes));
      expect(reading).toEqual({ kind: 'more', bytes: bytes < 16 ? bytes + 1 : whole.length });
    }
    expect(readProxyHeader(header('20', '00', 65_535))).toEqual({ kind: 'more', bytes: 65_551 });
  });

  it.each([
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n')],
    ['one byte of an HTTP request', Buffer.from('G')],
    ['empty lines before an HTTP request', Buffer.from('\r\n\r\nGET / HTTP/1.1\r\n')],
    ['the beginning of TLS', hex('160301')],
    ['version 1 of the protocol', Buffer.from('PROXY TCP4 198.51.100.7 192.0.2.1 17085 443\r\n')],
    ['another version', header('11', '11', 12, IPV4)],
    ['another command', header('22', '11', 12, IPV4)],
    ['no family', header('21', '00', 0)],
    ['UDP', header('21', '12', 12, IPV4)],
    ['a Unix socket', header('21', '31', 216, '00'.repeat(216))],
    ['IPv4 in fewer bytes than its addresses have', header('21', '11', 11, IPV4)],
    ['IPv6 in fewer bytes than its addresses have', header('21', '21', 35, IPV6)],
    ['IPv6 in as many bytes as IPv4 has', header('21', '21', 12, IPV4)],
  ])('is not what a connection begins with: %s', (_, start) => {
    expect(readProxyHeader(start)).toMatchObject({ kind: 'fault' });
  });
});
