import { createReadStream } from 'node:fs';
import { ServiceDatabase } from '@tollgate/postgres';
import { withCommandDatabase } from '../store/with-command-database.js';
import { AuditStore } from './audit-store.js';
import type { ChainFault } from './chain-verifier.js';
import { linesOf } from './lines-of.js';
import { VerifyChains, type Verification, type VerifiedUpTo } from './verify-chains.js';
import { verifyExport } from './verify-export.js';

/** Between two of these parts nothing is kept but the last hash. */
const ENTRIES_OF_A_PART = 100_000;

/** Takes one line about what was found. */
type Tell = (line: string) => void;

/** Verifies an export in a file, and says what was found; false if something is wrong with it. */
export async function verifyFile(file: string, tell: Tell): Promise<boolean> {
  const { fault, organizationId, verified } = await verifyExport(linesOf(createReadStream(file, 'utf8')));
  if (fault === null) tell(`${organizationId}: untouched, ${verified} entries`);
  else tell(`${file}, line ${fault.line}: ${fault.fault === null ? fault.message : described(fault.fault)}`);
  return fault === null;
}

/** Verifies the chains of every organisation in a database; false if something is wrong with one. */
export function verifyDatabase(url: string, tell: Tell): Promise<boolean> {
  return withCommandDatabase({ url, applicationName: 'audit verify' }, async (database) => {
    const store = new AuditStore(new ServiceDatabase(database.dataSource, 'keys'));
    const verify = new VerifyChains(store);
    let untouched = true;
    for (const organizationId of await store.organizations())
      untouched = (await verifyOrganization(verify, organizationId, tell)) && untouched;
    return untouched;
  });
}

async function verifyOrganization(verify: VerifyChains, organizationId: string, tell: Tell): Promise<boolean> {
  let verified = 0;
  let from: VerifiedUpTo | null = null;
  let found: Verification;
  do {
    found = await verify.execute(organizationId, from, ENTRIES_OF_A_PART);
    verified += found.verified;
    from = found.next;
  } while (from !== null);
  const { changes, refusals } = found.heads;
  if (found.fault === null)
    tell(`${organizationId}: untouched, ${verified} entries; last hashes ${changes.lastHash} and ${refusals.lastHash}`);
  else tell(`${organizationId}, ${described(found.fault)}`);
  return found.fault === null;
}

const described = ({ stream, sequence, kind, message }: ChainFault): string =>
  `entry ${sequence} of ${stream}: ${message} (${kind})`;
