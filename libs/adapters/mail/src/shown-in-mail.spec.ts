import { expect, it } from 'vitest';
import { shownInMail } from './shown-in-mail.js';

it.each([
  ['Acme', 'Acme'],
  ['Acme Inc.', 'Acme Inc.'],
  ['Zürich & Söhne', 'Zürich & Söhne'],
  ['https://evil.example/x', 'https: / / evil. example/ x'],
  ['log in at evil.example', 'log in at evil. example'],
  ['www.evil.example', 'www. evil. example'],
  ['ann@evil.example', 'ann@ evil. example'],
  ['evil\u200b.\u200bexample', 'evil. example'],
  ['evil\u3002example', 'evil\u3002 example'],
  ['Acme\r\nBcc: b@evil.example', 'Acme Bcc: b@ evil. example'],
  ['gnp.\u202eexe', 'gnp. exe'],
  ['a\u0000b\u2028c\ud800', 'a b c\ufffd'],
])('%j is shown as %j', (name, shown) => {
  expect(shownInMail(name)).toBe(shown);
  expect(shownInMail(shown)).toBe(shown);
});
