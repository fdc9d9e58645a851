import { fileURLToPath } from 'node:url';
import { nodeIsTooOld } from './test-run/node-version.js';

// Nothing else is loaded before this: on an old Node the rest may fail with less helpful words.
const complaint = nodeIsTooOld(process.versions.node);
if (complaint) {
  process.stderr.write(`${complaint}\n`);
  process.exit(1);
}
const { runTests } = await import('./test-run/test-run.js');
process.exit(await runTests(fileURLToPath(new URL('../../../', import.meta.url)), process.argv.slice(2)));
