import { readFileSync } from 'node:fs';
import { ConfigFileMissing } from './config-error.js';
import type { TollgateConfig } from './config.js';
import { parseConfig, type EnvironmentLookup } from './parse-config.js';

/**
 * Reads `config.yaml`. `lookup` gives the environment variables that credentials name.
 * @throws {ConfigFileMissing} where the file cannot be read
 * @throws {ConfigError} with every problem of the file
 */
export function loadConfig(path: string, lookup: EnvironmentLookup): TollgateConfig {
  const text = read(path);
  // A mount that went wrong leaves an empty file at times; each part of it would be named as missing otherwise.
  if (text.trim() === '') throw new ConfigFileMissing(path, 'it is empty');
  return parseConfig(text, { path, lookup });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new ConfigFileMissing(path, REASONS[code] ?? (code || 'it cannot be opened'));
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
  // Docker makes a folder where a file that is to be mounted does not exist.
  EISDIR: 'it is a folder',
};
