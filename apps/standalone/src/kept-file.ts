import { existsSync, readFileSync } from 'node:fs';
import { StartFault } from '@tollgate/app-process';
import type { z } from 'zod';

/**
 * Reads a JSON file of the data folder; null if there is no such file.
 * @param whatToDo tells the operator what to do about a damaged file; it follows "Put it back from a backup, "
 * @throws {StartFault} if the file is damaged; the system's error if it cannot be read
 */
export function readKeptFile<T extends z.ZodType>(path: string, schema: T, whatToDo: string): z.output<T> | null {
  if (!existsSync(path)) return null;
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    throw new StartFault(
      'TOLLGATE_DATA',
      `${path} is damaged: empty, cut off or changed. Put it back from a backup, ${whatToDo}`,
      error,
    );
  }
}
