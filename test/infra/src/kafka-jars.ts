import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, runCommand } from './commands.js';
import { reapFolder } from './reaper.js';

/** Names the Kafka that is run; the same distance from `src` and from `dist`. */
const pom = fileURLToPath(new URL('../kafka/pom.xml', import.meta.url));

/**
 * The folder with Apache Kafka's jars. Fetched by Maven the first time (43 MB), then kept in TOLLGATE_TEST_CACHE or
 * `~/.cache/tollgate-test`, one folder for each version of the pom.
 */
export async function kafkaJars(): Promise<string> {
  const version = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12);
  const cache = process.env['TOLLGATE_TEST_CACHE'] ?? join(homedir(), '.cache', 'tollgate-test');
  const jars = join(cache, `kafka-${version}`);
  if (!existsSync(jars)) await fetchJars(cache, jars);
  return jars;
}

/** Into a folder beside it and then renamed, so that a broken download is never taken for a whole one. */
async function fetchJars(cache: string, jars: string): Promise<void> {
  const maven = findProgram('mvn');
  if (!maven)
    throw new Error(
      'Maven is missing, which fetches Kafka. Install it (Debian: apt-get install maven), or start Docker, or set KAFKA_BROKERS.',
    );
  process.stdout.write(`tests need Apache Kafka: fetching it with Maven into ${jars}\n`);
  mkdirSync(cache, { recursive: true });
  const download = mkdtempSync(join(cache, 'download-'));
  reapFolder(download);
  try {
    const fetched = await runCommand(
      maven,
      [
        '-q',
        '-B',
        '-f',
        pom,
        'dependency:copy-dependencies',
        `-DoutputDirectory=${download}`,
        '-DincludeScope=runtime',
      ],
      { timeoutMs: 600_000 },
    );
    if (!fetched.ok)
      throw new Error(
        `Maven could not fetch Apache Kafka (is the Maven repository reachable?):\n${fetched.output.slice(-2_000)}`,
      );
    try {
      renameSync(download, jars);
    } catch (error) {
      // Another run was faster.
      if (!existsSync(jars)) throw error;
    }
  } finally {
    rmSync(download, { recursive: true, force: true });
  }
}
