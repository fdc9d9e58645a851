import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JournalFolders } from './journal-folders.js';

describe('a folder', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'journal-folders-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each<[string, readonly string[], boolean]>([
    ['a volume that nobody has used', [], true],
    ['a new volume of its own file system', ['lost+found/'], true],
    ['that of one gateway', ['journal/'], true],
    ['that of several gateways', ['journal/', 'journals/', 'lost+found/'], true],
    ['one whose journals were all shipped', ['journals/'], true],
    ['one in which only damage is left', ['damaged/'], true],
    ['that of a standalone', ['journal/', 'mail/', 'postgres/'], true],
    ['the one above, with the volumes of several gateways', ['gateway-0/', 'gateway-1/'], false],
    ['the one below, of a journal', ['journal.json', '00000001.log'], false],
    ['the one below, of further journals', ['0b0f1c9e-6c3b-4a52-92bc-d8abe3ffa58b/'], false],
    ['the volume of another service', ['dump.rdb'], false],
    ['a file with the name of ours in capitals', ['JOURNAL'], false],
  ])('%s: whether it can be that of a gateway', (_, entries, isOfGateway) => {
    for (const entry of entries)
      if (entry.endsWith('/')) mkdirSync(join(folder, entry));
      else writeFileSync(join(folder, entry), '');
    expect(new JournalFolders(folder).isOfGateway).toBe(isOfGateway);
  });
});
