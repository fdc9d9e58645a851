/** The oldest Node.js whose figures are worth having: below, undici's and V8's fast paths are others. */
const NODE_MAJOR_MIN = 24;

// Nothing else is loaded before this: on an old Node.js the rest may fail with less helpful words.
if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  process.stderr.write(
    `Node.js ${process.versions.node} is too old for the bench, which needs ${NODE_MAJOR_MIN} or newer. Run it as \`npm run bench\` after \`npm ci\`: that brings a Node.js of its own and uses it.\n`,
  );
  process.exit(1);
}
const { BenchFailed } = await import('./bench-failed.js');
const { runBench } = await import('./bench-run.js');
const { endChildrenOnSignals } = await import('./interruption.js');
const { readOptions, usage } = await import('./options.js');
const { BenchRefused } = await import('./preconditions.js');

/** Figures are there and none is void, but this build is worse than the former one. */
const EXIT_CODE_WORSE = 2;

function optionsOrExit(): ReturnType<typeof readOptions> {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}\n`);
    process.exit(1);
  }
}

function report(error: unknown): void {
  if (error instanceof BenchRefused) process.stderr.write(`bench refused: ${error.message}\n`);
  else if (error instanceof BenchFailed) process.stderr.write(`bench failed, its figures are void: ${error.message}\n`);
  else process.stderr.write(`bench failed: ${error instanceof Error ? error.stack : String(error)}\n`);
}

const options = optionsOrExit();
const interruption = endChildrenOnSignals();

/** Resolves with the exit code. What fails because the bench is being ended is not reported. */
async function measured(): Promise<number> {
  try {
    const { worse } = await runBench(options);
    return interruption.begun ? await interruption.ended : worse ? EXIT_CODE_WORSE : 0;
  } catch (error) {
    if (interruption.begun) return interruption.ended;
    report(error);
    return 1;
  }
}

process.exit(await Promise.race([measured(), interruption.ended]));
