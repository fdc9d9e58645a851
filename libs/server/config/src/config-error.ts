import type { Position } from './yaml-document.js';

/** One fault of config.yaml, with its line and column. */
export interface ConfigProblem extends Position {
  /** `routes[0].targets[1].provider`; empty where the whole file is meant. */
  readonly field: string;
  readonly message: string;
}

/** A configuration file that cannot be used. Its message lists every problem, each on a line of its own. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(
    readonly path: string,
    readonly problems: readonly ConfigProblem[],
  ) {
    const lines = problems.map(
      ({ line, column, field, message }) => `  ${path}:${line}:${column} ${field === '' ? '' : `${field} `}${message}`,
    );
    super([`${path} has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:`, ...lines].join('\n'));
  }
}

/** The file itself cannot be had. */
export class ConfigFileMissing extends Error {
  override readonly name = 'ConfigFileMissing';
  constructor(
    readonly path: string,
    reason: string,
  ) {
    super(`cannot read the configuration file ${path}: ${reason} (TOLLGATE_CONFIG names another one)`);
  }
}
