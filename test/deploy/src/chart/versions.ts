import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '@tollgate/infra';
import { chartFolder } from '../repository.js';

/** The folder of the same chart as another version of it, with another version of the image. */
export function chartOfVersion(version: string): string {
  const folder = join(tempFolder('tollgate-chart'), 'tollgate');
  cpSync(chartFolder, folder, { recursive: true });
  const file = join(folder, 'Chart.yaml');
  const text = readFileSync(file, 'utf8').replace(/^(version|appVersion): .*$/gm, `$1: ${version}`);
  writeFileSync(file, text);
  return folder;
}
