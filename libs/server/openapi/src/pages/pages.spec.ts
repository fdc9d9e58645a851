import { ERRORS, problemBody } from '@tollgate/errors';
import { describe, expect, it } from 'vitest';
import {
  DOCUMENTED_SERVICES,
  errorPage,
  errorsPage,
  readDocument,
  problemPage,
  readPublicDocument,
  referencePage,
} from '../index.js';
import { markdown } from './html.js';

/** What a strict content security policy would stop, or what would leave our origin. */
const FORBIDDEN = /<script|<style|\sstyle=|\son\w+=|javascript:|src=|http:\/\//i;

const pages = [
  ...DOCUMENTED_SERVICES.map((service) => [service, referencePage(readDocument(service))] as const),
  ['the public origin', referencePage(readPublicDocument())] as const,
  ['errors', errorsPage()] as const,
  [
    'a problem',
    problemPage({
      ...problemBody('invalid_request', { detail: '<script>', errors: [{ path: '<a', message: 'is "wrong"' }] }),
      request_id: 'id',
    }),
  ] as const,
  ...Object.keys(ERRORS).map((code) => [code, errorPage(code) ?? ''] as const),
];

describe.each(pages)('the page of %s', (_name, page) => {
  it('needs no script, no style of its own, and nothing from elsewhere', () => {
    expect(page).not.toMatch(FORBIDDEN);
    expect(page).toContain('<meta name="viewport"');
  });
  it('has balanced markup, each id once, and no link within it that leads nowhere', () => {
    const open: string[] = [];
    for (const [, end, name = ''] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
      if (['meta', 'link'].includes(name)) continue;
      if (end === '') open.push(name);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids).toHaveLength(new Set(ids).size);
    for (const [, id] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(id);
  });
  it('leads only to pages of errors that there are', () => {
    for (const [, code = ''] of page.matchAll(/href="\/docs\/errors\/([^"]+)"/g))
      expect(Object.keys(ERRORS)).toContain(code);
  });
});

describe('the reference of the API', () => {
  const document = readPublicDocument();
  const page = referencePage(document);
  it('has each operation with its parameters, its replies and a call of curl', () => {
    for (const [path, item] of Object.entries(document.paths))
      for (const operation of Object.values(item)) {
        const section = page.split(`<section id="${operation.operationId}">`)[1]?.split('</section>')[0] ?? '';
        expect(section).toContain(path);
        expect(section).toContain('curl');
        for (const { name } of operation.parameters ?? []) expect(section).toContain(`<code>${String(name)}</code>`);
        for (const status of Object.keys(operation.responses)) expect(section).toContain(`<strong>${status}</strong>`);
      }
  });
});

describe('an example of the reference', () => {
  const document = readPublicDocument();
  const page = referencePage(document);
  const examples = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => {
      const section = page.split(`<section id="${operation.operationId}">`)[1] ?? '';
      return { name: `${method} ${path}`, operation, example: section.split('</pre>')[0] ?? '' };
    }),
  );
  it.each(examples)('sends a credential that may do it: $name', ({ name, operation, example }) => {
    const schemes = operation.security.flatMap((each) => Object.keys(each));
    const onlyPeople = schemes.includes('session') && schemes.length === 1;
    expect(example.includes('$SESSION_COOKIE')).toBe(onlyPeople);
    expect(example.includes('x-csrf-token')).toBe(onlyPeople && !name.startsWith('get '));
    expect(example.includes('Bearer')).toBe(schemes.includes('adminSecret') || schemes.includes('apiKey'));
  });
});

describe('the page of an error', () => {
  it('says what to do', () => expect(errorPage('precondition_failed')).toContain('What to do: '));
  it.each(['nonsense', '', '__proto__', 'constructor', 'toString', '<script>'])('is not there for %j', (code) => {
    expect(errorPage(code)).toBeNull();
  });
});

describe('Markdown of ours', () => {
  it.each([
    ['a `b<c>` d', '<p>a <code>b&#60;c&#62;</code> d</p>'],
    ['**a** [b](#conflict)', '<p><strong>a</strong> <a href="/docs/errors/conflict">b</a></p>'],
    ['[a](javascript:alert(1))', '<p>[a](javascript:alert(1))</p>'],
    ['[a](//evil.example)', '<p>a</p>'],
    ['<img src=x onerror=y>', '<p>&#60;img src=x onerror=y&#62;</p>'],
    ['a\n\nb', '<p>a</p>\n<p>b</p>'],
    ['- a\n- b', '<ul><li>a</li><li>b</li></ul>'],
  ])('%j', (text, html) => expect(markdown(text)).toBe(html));
});
