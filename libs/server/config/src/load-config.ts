import { boundedText } from './bounded-file.js';
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

/** Thousands of times a configuration that somebody has written. */
const BYTES_MAX = 16 * 1_048_576;

function read(path: string): string {
  const file = boundedText(path, BYTES_MAX);
  if ('code' in file) throw new ConfigFileMissing(path, REASONS[file.code] ?? file.code);
  return file.text;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
  // Docker makes a folder where a file that is to be mounted does not exist.
  EISDIR: 'it is a folder',
  too_large: `it has more than ${BYTES_MAX} bytes`,
  not_utf8: 'it is not text in UTF-8',
  nothing_written: 'it is a pipe into which nobody writes',
};
