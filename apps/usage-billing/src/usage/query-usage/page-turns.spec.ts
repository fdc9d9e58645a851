import { describe, expect, it } from 'vitest';
import { PageTurns } from './page-turns.js';

/** A page that is read until the test says how that ends. */
function pageRead() {
  let begun = false;
  let resolve!: (page: string) => void;
  let reject!: (why: Error) => void;
  const page = new Promise<string>((onPage, onFailure) => ([resolve, reject] = [onPage, onFailure]));
  return {
    read: () => {
      begun = true;
      return page;
    },
    begun: () => begun,
    resolve: (text: string) => resolve(text),
    reject: (why: Error) => reject(why),
  };
}

describe('turns of pages', () => {
  it('are given to so many at once, and then to those who wait in their order', async () => {
    const turns = new PageTurns(2);
    const reads = [pageRead(), pageRead(), pageRead(), pageRead()];
    const pages = reads.map(({ read }) => turns.take(read));
    const begun = () => reads.map((each) => each.begun());
    expect(begun()).toEqual([true, true, false, false]);
    reads[1]!.resolve('second');
    expect(await pages[1]).toBe('second');
    await Promise.resolve();
    expect(begun()).toEqual([true, true, true, false]);
    reads[0]!.resolve('first');
    reads[2]!.resolve('third');
    reads[3]!.resolve('fourth');
    expect(await Promise.all(pages)).toEqual(['first', 'second', 'third', 'fourth']);
  });

  it('go on when a page could not be read', async () => {
    const turns = new PageTurns(1);
    const [failing, next] = [pageRead(), pageRead()];
    const [first, second] = [turns.take(failing.read), turns.take(next.read)];
    failing.reject(new Error('no database'));
    await expect(first).rejects.toThrow('no database');
    next.resolve('page');
    expect(await second).toBe('page');
    expect(await turns.take(() => Promise.resolve('later'))).toBe('later');
  });
});
