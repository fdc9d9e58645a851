import { describe, expect, it } from 'vitest';
import { chosen, readOptions } from './options.js';

describe('the options of a run', () => {
  it('are everything, from this release alone, where none is given', () => {
    expect(readOptions([])).toEqual({ only: [], list: false, from: undefined, built: false });
  });

  it('name parts, a former release, or nothing but the list', () => {
    expect(readOptions(['--only', 'image', '--only', 'reach', '--from', 'v0.1.0', '--list', '--built'])).toEqual({
      only: ['image', 'reach'],
      list: true,
      from: 'v0.1.0',
      built: true,
    });
  });

  it.each([
    [['--nope'], '--nope'],
    [['image'], 'image'],
    [['--only'], '--only'],
    [['--from', 'a b'], '--from must be'],
    [['--from', "';rm -rf"], '--from must be'],
    [['--from', '../main'], '--from must be'],
    [['--from', ''], '--from must be'],
  ])('are refused by name: %j', (args, words) => {
    expect(() => readOptions(args)).toThrow(words);
  });
});

describe('the parts that are chosen', () => {
  const parts = [{ name: 'The image' }, { name: 'Who reaches whom' }];

  it('are all, or those whose names have one of the words in them, in their own order', () => {
    expect(chosen(parts, [])).toEqual(parts);
    expect(chosen(parts, ['WHOM', 'image'])).toEqual(parts);
    expect(chosen(parts, ['whom'])).toEqual([parts[1]]);
  });

  it('are refused where a word names none, as nothing would be tried', () => {
    expect(() => chosen(parts, ['image', 'nope'])).toThrow(
      'no part has "nope" in its name: The image, Who reaches whom',
    );
  });
});
