import { describe, expect, it } from 'vitest';
import { readCallback, withParameter } from './callback-url.js';

const read = (text: string) => {
  const result = readCallback(text);
  return result.kind === 'valid' ? result.callback.url : null;
};

describe('a callback', () => {
  it.each([
    ['https anywhere', 'https://app.example/cb', 'https://app.example/cb'],
    ['https on any port', 'https://app.example:8443/cb', 'https://app.example:8443/cb'],
    ['https to an address', 'https://192.0.2.1/cb', 'https://192.0.2.1/cb'],
    ['https to IPv6', 'https://[2001:db8::1]:444/cb', 'https://[2001:db8::1]:444/cb'],
    ['no path', 'https://app.example', 'https://app.example/'],
    ['http to localhost', 'http://localhost/cb', 'http://localhost/cb'],
    ['http to localhost on any port', 'http://localhost:49152/cb', 'http://localhost:49152/cb'],
    ['http to localhost on the last port', 'http://localhost:65535/', 'http://localhost:65535/'],
    ['http to 127.0.0.1', 'http://127.0.0.1:3000/cb', 'http://127.0.0.1:3000/cb'],
    ['http to [::1]', 'http://[::1]:3000/cb', 'http://[::1]:3000/cb'],
    ['[::1] written out', 'http://[0:0:0:0:0:0:0:1]:3000/', 'http://[::1]:3000/'],
    ['upper case', 'HTTPS://APP.EXAMPLE/Cb', 'https://app.example/Cb'],
    ['an international host', 'https://exämple.com/cb', 'https://xn--exmple-cua.com/cb'],
    ['a host that looks like another', 'https://аpple.com/', 'https://xn--pple-43d.com/'],
    ['a query', 'https://app.example/cb?state=a%20b+c&x=1', 'https://app.example/cb?state=a%20b+c&x=1'],
    ['a query that holds another address', 'https://a.example/?next=http://b.example/', 'https://a.example/?next=http://b.example/'],
    ['an @ in its path and query', 'https://app.example/@me?a=@b', 'https://app.example/@me?a=@b'],
    ['dots in its path', 'https://app.example/a/../b', 'https://app.example/b'],
  ])('may have %s', (_, text, url) => expect(read(text)).toBe(url)); // prettier-ignore

  it.each([
    ['http elsewhere', 'http://app.example/cb'],
    ['http to a name that begins with localhost', 'http://localhost.evil.example/cb'],
    ['http to a name that ends in localhost', 'http://evil.localhost/cb'],
    ['http to localhost with a dot', 'http://localhost./cb'],
    ['http to another address of loopback', 'http://127.0.0.2/cb'],
    ['http to loopback mapped into IPv6', 'http://[::ffff:127.0.0.1]/cb'],
    ['http to any address', 'http://0.0.0.0/cb'],
    ['http to a private address', 'http://10.0.0.1/cb'],
    ['a user', 'https://user@app.example/cb'],
    ['a user and a password', 'https://user:pw@app.example/cb'],
    ['an empty user', 'https://@app.example/cb'],
    ['an empty user and password', 'https://:@app.example/cb'],
    ['a port that is a password', 'http://localhost:80@evil.example/cb'],
    ['an encoded @', 'https://localhost%40evil.example/cb'],
    ['a backslash behind the host', 'https://ok.example\\@evil.example'],
    ['a backslash for a slash', 'https:\\\\evil.example/cb'],
    ['a backslash in its query', 'https://app.example/?a=\\'],
    ['a fragment', 'https://app.example/cb#a'],
    ['an empty fragment', 'https://app.example/cb#'],
    ['a script', 'javascript:alert(1)'],
    ['a script that looks like https', 'javascript://https://app.example/%0aalert(1)'],
    ['data', 'data:text/html,x'],
    ['a scheme of an app', 'myapp://callback'],
    ['a file', 'file:///etc/passwd'],
    ['ftp', 'ftp://app.example/'],
    ['blob', 'blob:https://app.example/a'],
    ['no scheme', '//app.example/cb'],
    ['no host', 'https:///cb'],
    ['one slash', 'https:/app.example/cb'],
    ['no slash', 'https:app.example/cb'],
    ['three slashes', 'https:///app.example/cb'],
    ['a path', '/cb'],
    ['nothing', ''],
    ['a space before it', ' https://app.example/cb'],
    ['a space behind it', 'https://app.example/cb '],
    ['a space in it', 'https://app.example/c b'],
    ['a tab in its scheme', 'java\tscript:alert(1)'],
    ['a tab in its host', 'https://app\t.example/cb'],
    ['a line end', 'https://app.example/cb\r\nset-cookie: a=b'],
    ['NUL', 'https://app.example/cb\u0000'],
    ['a character without width', 'https://app\u200b.example/cb'],
    ['a turn of the direction', 'https://app.example/\u202ecb'],
    ['half a character', 'https://app.example/\ud800'],
    ['a port that is none', 'https://app.example:99999/cb'],
    ['a port of letters', 'https://app.example:a/cb'],
    ['a host that is none', 'https://a b/cb'],
    ['an IPv6 address without its brackets', 'https://::1/cb'],
    ['a code of its own', 'https://app.example/cb?code=mine'],
    ['an encoded code of its own', 'https://app.example/cb?c%6fde=mine'],
    ['an error of its own', 'https://app.example/cb?error=x'],
    ['too many characters', `https://app.example/${'a'.repeat(1_000)}`],
  ])('may not have %s', (_, text) => expect(read(text)).toBeNull()); // prettier-ignore

  it('shows its origin in ASCII, with its port', () => {
    expect(readCallback('https://exämple.com:8443/cb?a=1')).toMatchObject({
      callback: { origin: 'https://xn--exmple-cua.com:8443', host: 'xn--exmple-cua.com:8443' },
    });
  });
});

describe('what is added to a callback', () => {
  it.each([
    ['https://a.example/cb', 'https://a.example/cb?code=x'],
    ['https://a.example/cb?', 'https://a.example/cb?code=x'],
    ['https://a.example/cb?a=1', 'https://a.example/cb?a=1&code=x'],
    ['https://a.example/cb?a=1&', 'https://a.example/cb?a=1&code=x'],
    ['https://a.example/cb?a=b%20c+d&a=2&e', 'https://a.example/cb?a=b%20c+d&a=2&e&code=x'],
  ])('stands behind a query that keeps its bytes: %s', (url, expected) => {
    expect(withParameter({ url }, 'code', 'x')).toBe(expected);
  });
});
