import { mendableFault } from '@tollgate/app-process';
import { readEnvironment } from '@tollgate/config';
import { auditVerifyEnvironment } from '../config.js';
import { verifyDatabase, verifyFile } from './verify-trail.js';

const USAGE = `usage: npm run audit:verify -- FILE   verifies an export of the audit trail
       npm run audit:verify           verifies the audit trail of every organisation in the database of DATABASE_URL`;

const tell = (line: string): void => void process.stdout.write(`${line}\n`);

/** Resolves with the exit code: 0 if everything is untouched, 1 if something is not, 2 if that was not found out. */
async function run([file, ...more]: readonly string[]): Promise<number> {
  if (more.length > 0 || file?.startsWith('-') === true) {
    tell(USAGE);
    return 2;
  }
  const untouched =
    file === undefined
      ? verifyDatabase(readEnvironment(auditVerifyEnvironment, process.env).DATABASE_URL, tell)
      : verifyFile(file, tell);
  return (await untouched) ? 0 : 1;
}

process.exitCode = await run(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`the audit trail was not verified: ${mendableFault(error) ?? String(error)}\n`);
  return 2;
});
