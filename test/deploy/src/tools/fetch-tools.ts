import { fetchCheckov } from './checkov.js';
import { kubernetesTools } from './kubernetes-tools.js';

/**
 * Runs once before the tests: on a machine that has none of the programs yet, to fetch them takes longer than any test
 * may.
 */
export async function setup(): Promise<void> {
  await kubernetesTools();
  await fetchCheckov();
}
