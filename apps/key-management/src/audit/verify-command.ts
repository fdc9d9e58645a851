import { createReadStream } from 'node:fs';
import { openDatabase, ServiceDatabase } from '@tollgate/postgres';
import { readDatabaseUrl } from '../config.js';
import { AuditStore } from './audit-store.js';
import { linesOf } from './lines-of.js';
import { VerifyChains, type Verification, type VerifiedUpTo } from './verify-chains.js';
import { verifyExport } from './verify-export.js';

const USAGE = `usage: npm run audit:verify -- FILE   verifies an export of the audit trail
       npm run audit:verify           verifies the audit trail of every organisation in the database of DATABASE_URL`;
/** Between two lines of progress nothing is kept but the last hash. */
const ENTRIES_PER_CALL = 100_000;

const tell = (line: string): void => void process.stdout.write(`${line}\n`);

async function verifyFile(file: string): Promise<boolean> {
  const { fault, organizationId, verified } = await verifyExport(linesOf(createReadStream(file, 'utf8')));
  if (fault === null) tell(`The export of ${organizationId} is untouched: ${verified} entries.`);
  else tell(`${file}, line ${fault.line}: ${described(fault.fault) ?? fault.message}`);
  return fault === null;
}

async function verifyDatabase(): Promise<boolean> {
  const { DATABASE_URL: url } = readDatabaseUrl();
  const database = await openDatabase({ url, poolSize: 1, applicationName: 'audit verify' });
  try {
    const store = new AuditStore(new ServiceDatabase(database.dataSource, 'keys'));
    const verify = new VerifyChains(store);
    let untouched = true;
    for (const organizationId of await store.organizations())
      untouched = (await verifyOrganization(verify, organizationId)) && untouched;
    return untouched;
  } finally {
    await database.close();
  }
}

async function verifyOrganization(verify: VerifyChains, organizationId: string): Promise<boolean> {
  let verified = 0;
  let from: VerifiedUpTo | null = null;
  let found: Verification;
  do {
    found = await verify.execute(organizationId, from, ENTRIES_PER_CALL);
    verified += found.verified;
    from = found.next;
  } while (from !== null);
  const { changes, refusals } = found.heads;
  if (found.fault === null)
    tell(`${organizationId}: untouched, ${verified} entries; last hashes ${changes.lastHash} and ${refusals.lastHash}`);
  else tell(`${organizationId}: ${described(found.fault)}`);
  return found.fault === null;
}

const described = (fault: Verification['fault']): string | null =>
  fault === null ? null : `${fault.stream} ${fault.sequence}: ${fault.message} (${fault.kind})`;

/** 0 if everything is untouched, 1 if something is not, 2 if that could not be found out. */
async function run(args: readonly string[]): Promise<number> {
  const [file, ...more] = args;
  if (more.length > 0 || file?.startsWith('-') === true) {
    tell(USAGE);
    return 2;
  }
  return (await (file === undefined ? verifyDatabase() : verifyFile(file))) ? 0 : 1;
}

process.exitCode = await run(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return 2;
});
