/** The oldest Node.js whose figures are worth having: below, undici's and V8's fast paths are others. */
const NODE_MAJOR_MIN = 24;

// Nothing else is loaded before this: on an old Node.js the rest may fail with less helpful words.
if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  process.stderr.write(`Node.js ${process.versions.node} is too old for the bench, which needs ${NODE_MAJOR_MIN} or newer. Run it as \`npm run bench\` after \`npm ci\`: that brings a Node.js of its own and uses it.\n`);
  process.exit(1);
}
const [{ BenchFailed }, { runBench }, { readOptions, usage }, { BenchRefused }] =
  await Promise.all([import('./bench-failed.js'), import('./bench-run.js'), import('./options.js'), import('./preconditions.js')]);

function optionsOrExit(): ReturnType<typeof readOptions> {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}\n`);
    process.exit(1);
  }
}

const options = optionsOrExit();
try {
  await runBench(options);
  process.exit(0);
} catch (error) {
  if (error instanceof BenchRefused) process.stderr.write(`bench refused: ${error.message}\n`);
  else if (error instanceof BenchFailed) process.stderr.write(`bench failed, its figures are void: ${error.message}\n`);
  else process.stderr.write(`bench failed: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}
