import { describe, expect, it } from 'vitest';
import { returnPath as returnPathOfServer } from '../oidc/return-path.js';
// @ts-expect-error The script of the pages is plain JavaScript for browsers.
import { refusalText, returnPath, tokenOf } from '../../../assets/account.js';
import { html } from '@tollgate/http';

const ORIGIN = 'http://127.0.0.1:8080';

describe('where a page returns to', () => {
  it.each([
    ['/keys', '/keys'],
    ['/keys?a=1#b', '/keys?a=1#b'],
    ['/', '/'],
    ['/a/../b', '/b'],
    ['/a?next=https://evil.example', '/a?next=https://evil.example'],
  ])('is a path of this origin: %s', (given, path) => {
    expect(returnPath(given, ORIGIN)).toBe(path);
    expect(returnPathOfServer(given, ORIGIN)).toBe(path);
  });

  it.each([
    ['nothing', null],
    ['an empty text', ''],
    ['a word', 'keys'],
    ['another origin', 'https://evil.example/'],
    ['our own origin in full', `${ORIGIN}/keys`],
    ['two slashes', '//evil.example'],
    ['a slash and a backslash', '/\\evil.example'],
    ['a backslash', '\\evil.example'],
    ['a backslash further on', '/a\\b'],
    ['a tab in between', '/\t/evil.example'],
    ['a line break in between', '/\n/evil.example'],
    ['a space before', ' /keys'],
    ['dots that lead to two slashes', '/..//evil.example'],
    ['dots that lead to two slashes, encoded', '/%2e%2e//evil.example'],
    ['a script', 'javascript:alert(1)'],
    ['data', 'data:text/html,x'],
    ['an address of somebody', '@evil.example'],
    ['full-width slashes', '/\uff0fevil.example'],
    ['10,000 characters', `/${'a'.repeat(10_000)}`],
  ])('is never %s', (_what, given) => {
    expect(returnPath(given, ORIGIN)).toBeNull();
    if (given !== null) expect(returnPathOfServer(given, ORIGIN)).toBeNull();
  });
});

describe('the token of a link', () => {
  it.each([
    ['#token=abc-_', 'abc-_'],
    ['#a=1&token=abc', 'abc'],
    ['', null],
    ['#', null],
    ['#token=', null],
    ['#abc', null],
  ])('in %j is %j', (fragment, token) => {
    expect(tokenOf(fragment)).toBe(token);
  });
});

describe('a refusal', () => {
  it('is shown with the fields at fault', () => {
    expect(
      refusalText({ title: 'The request is not valid.', errors: [{ path: 'password', message: 'is too short' }] }),
    ).toBe('The request is not valid. password is too short');
    expect(refusalText({})).toBe('Something went wrong. Try again.');
  });
});

describe('a template of a page', () => {
  it('escapes what is put into it, but not what is HTML', () => {
    const text = `<script>alert("1" & '2')</script>`;
    expect(html`<p title="${text}">${html`<b>${text}</b>`}${[html`<i></i>`]}${7}</p>`.text).toBe(
      '<p title="&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;"><b>&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;</b><i></i>7</p>',
    );
  });
});
