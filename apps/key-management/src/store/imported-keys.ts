import { Inject, Injectable } from '@nestjs/common';
import type { HeartbeatFacts } from '@tollgate/key-snapshots';
import { DATABASE, ServiceDatabase, type Database } from '@tollgate/postgres';

/**
 * Knows whether the installation has imported keys, or is importing some. Gateways hear it with each heartbeat: only
 * where there are such keys do they look up secrets that are not of our form.
 */
@Injectable()
export class ImportedKeys {
  private readonly alone: boolean;
  private known: 'yes' | 'no' | null = null;
  private asking = false;

  constructor(
    private readonly database: ServiceDatabase,
    @Inject(DATABASE) { singleSession }: Pick<Database, 'singleSession'>,
  ) {
    this.alone = singleSession;
  }

  /** An import begins in this process. */
  note(): void {
    this.known = 'yes';
  }

  /** Whether there may be imported keys, as far as is known. */
  mayExist(): boolean {
    return this.facts()?.importedKeys ?? true;
  }

  /** What is known at this moment, for a heartbeat, which waits for no database; undefined until something is. */
  facts(): HeartbeatFacts | undefined {
    // Another process can begin an import at any time, so that "no" is asked for again, but on an embedded database.
    if (this.known === null || (this.known === 'no' && !this.alone)) void this.ask();
    return this.known === null ? undefined : { importedKeys: this.known === 'yes' };
  }

  /** Never rejects: without an answer what was known stays. */
  private async ask(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      const rows = await this.database.acrossOrganizations((manager) =>
        manager.query<object[]>('SELECT 1 FROM keys.key_import LIMIT 1'),
      );
      // An import may have begun in this process meanwhile.
      if (this.known !== 'yes') this.known = rows.length > 0 ? 'yes' : 'no';
    } catch {
      // Asked again with the next heartbeat.
    } finally {
      this.asking = false;
    }
  }
}
