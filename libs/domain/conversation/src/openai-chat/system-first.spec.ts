import { describe, expect, it } from 'vitest';
import type { Turn } from '../conversation.js';
import { systemFirst } from './system-first.js';

const part = (text: string) => ({ kind: 'text' as const, text });
const system = (...texts: string[]): Turn => ({ role: 'system', parts: texts.map(part) });
const user = (...texts: string[]): Turn => ({ role: 'user', parts: texts.map(part) });
const assistant = (text: string): Turn => ({ role: 'assistant', parts: [part(text)] });
const reminder = (text: string): string => `<system-reminder>\n${text}\n</system-reminder>`;

describe('what the operator says, where only one text is taken', () => {
  it.each<[string, readonly Turn[], readonly Turn[]]>([
    ['nothing', [user('a')], [user('a')]],
    ['one text', [system('s'), user('a')], [system('s'), user('a')]],
    ['several parts', [system('s', 't'), user('a')], [system('s\n\nt'), user('a')]],
    ['several turns', [system('s'), system('t', ' '), user('a')], [system('s\n\nt'), user('a')]],
    ['nothing but spaces', [system(' '), user('a'), system('\n')], [user('a')]],
    ['nothing else', [system('s'), system('t')], [system('s\n\nt')]],
    ['a text after the user', [user('a'), system('s')], [user('a', reminder('s'))]],
    ['a text between users', [user('a'), system('s'), user('b')], [user('a', reminder('s'), 'b')]],
    [
      'a text after an answer',
      [user('a'), assistant('b'), system('s')],
      [user('a'), assistant('b'), user(reminder('s'))],
    ],
    [
      'a text before the user goes on',
      [system('s'), user('a'), assistant('b'), system('t', 'u'), user('c')],
      [system('s'), user('a'), assistant('b'), user(reminder('t'), reminder('u'), 'c')],
    ],
    ['turns of the user alone', [user('a'), user('b')], [user('a'), user('b')]],
  ])('is %s', (_what, turns, expected) => expect(systemFirst(turns)).toEqual(expected));
});
