import 'reflect-metadata';
import { Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { mendableFault } from '@tollgate/app-process';
import { readEnvironment } from '@tollgate/config';
import { DATABASE, type Database } from '@tollgate/postgres';
import { PortsModule } from '@tollgate/service';
import { ownerLinkEnvironment } from './config.js';
import { PeopleModule } from './people/people.module.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from './ports.js';
import { FirstOwner } from './sign-in/first-owner.js';
import { linkTo } from './sign-in/links.js';
import { OneTimeTokens } from './sign-in/one-time-tokens/one-time-tokens.js';
import { keyManagementEntities } from './store/entities.js';
import { KeyStoreModule } from './store/store.module.js';
import { withCommandDatabase } from './store/with-command-database.js';

/**
 * Prints a link by which the owner that INIT_OWNER_EMAIL names signs in, once and within an hour. Whoever may run it
 * may write to the database, and with that may do all that an owner may: it opens no new door.
 */

type OwnerSettings = Pick<KeyManagementSettings, 'initOwnerEmail' | 'initOwnerPassword'>;

/** The part of key-management that knows the first owner. */
@Module({ imports: [KeyStoreModule, PeopleModule], providers: [FirstOwner, OneTimeTokens] })
class OwnerLinkModule {
  static with(database: Database, settings: OwnerSettings): DynamicModule {
    const ports = PortsModule.of([
      { provide: DATABASE, useValue: database },
      { provide: KEY_MANAGEMENT_SETTINGS, useValue: settings },
    ]);
    return { module: OwnerLinkModule, imports: [ports] };
  }
}

async function run(): Promise<void> {
  const { DATABASE_URL, TOLLGATE_PUBLIC_URL, INIT_OWNER_EMAIL } = readEnvironment(ownerLinkEnvironment, process.env);
  const settings: OwnerSettings = { initOwnerEmail: INIT_OWNER_EMAIL, initOwnerPassword: null };
  const options = { url: DATABASE_URL, applicationName: 'owner-link', entities: keyManagementEntities };
  const token = await withCommandDatabase(options, (database) => newToken(database, settings));
  process.stdout.write(
    `${INIT_OWNER_EMAIL} signs in by this link, once and within an hour:\n\n  ${linkTo(TOLLGATE_PUBLIC_URL, 'sign-in-link', token)}\n\n`,
  );
}

async function newToken(database: Database, settings: OwnerSettings): Promise<string> {
  const context = await NestFactory.createApplicationContext(OwnerLinkModule.with(database, settings), {
    logger: false,
    abortOnError: false,
  });
  try {
    return await context.get(FirstOwner).newSignInToken();
  } finally {
    await context.close();
  }
}

run().catch((error: unknown) => {
  process.stderr.write(`no link was made: ${mendableFault(error) ?? (error as Error).stack ?? String(error)}\n`);
  process.exitCode = 1;
});
