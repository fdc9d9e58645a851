import { runCommand, pythonWith } from '@tollgate/infra';
import { fileURLToPath } from 'node:url';

/** One complaint of the linter. */
export interface Complaint {
  readonly check: string;
  readonly what: string;
  readonly object: string;
}

interface Report {
  readonly results: {
    readonly failed_checks: readonly {
      readonly check_id: string;
      readonly check_name: string;
      readonly resource: string;
    }[];
  };
  readonly summary: { readonly passed: number; readonly parsing_errors: number };
}

/** Fetches checkov with pip the first time; resolves with its Python and the folder of its packages. */
export function fetchCheckov(): Promise<{ readonly python: string; readonly packages: string }> {
  return pythonWith(fileURLToPath(new URL('../../checkov-requirements.txt', import.meta.url)));
}

/** What checkov says of a file of manifests: how many checks passed, and each that did not. */
export async function checkov(file: string): Promise<{ passed: number; complaints: Complaint[] }> {
  const { python, packages } = await fetchCheckov();
  const { output } = await runCommand(
    python,
    ['-m', 'checkov.main', '--skip-download', '--quiet', '--output', 'json', '--framework', 'kubernetes', '-f', file],
    { env: { ...process.env, PYTHONPATH: packages, LOG_LEVEL: 'ERROR' }, timeoutMs: 300_000 },
  );
  const start = output.indexOf('{');
  if (start < 0) throw new Error(`checkov left no report:\n${output.slice(-2_000)}`);
  const { results, summary } = JSON.parse(output.slice(start, output.lastIndexOf('}') + 1)) as Report;
  if (summary.parsing_errors > 0) throw new Error(`checkov cannot read ${file}`);
  return {
    passed: summary.passed,
    complaints: results.failed_checks.map(({ check_id, check_name, resource }) => ({
      check: check_id,
      what: check_name,
      object: resource,
    })),
  };
}
