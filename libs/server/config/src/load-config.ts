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
  return parseConfig(read(path), { path, lookup });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigFileMissing(path, code === 'ENOENT' ? 'there is no such file' : (code ?? 'it cannot be opened'));
  }
}
