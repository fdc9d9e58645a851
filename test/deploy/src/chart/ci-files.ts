import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { chartFolder } from '../repository.js';

/** The names of the files of values in `ci`, without their ending. */
export const ciFiles = globSync(`${chartFolder}/ci/*.yaml`)
  .map((file) => basename(file, '.yaml'))
  .sort();
