import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Principal } from '@tollgate/access';
import { PeriodicService } from '@tollgate/service';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { OrganizationEntry } from './audit-entry.js';
import { AuditTrail } from './audit-trail.js';
import type { AuditValue } from './audit-value.js';

const PART = 500;
/** A rolling upgrade takes minutes; its last entries may take some seconds to be seen. */
const EVERY_MS = 10_000;
/** The start waits this long at most: what is left then comes into the chains beside the first requests. */
const AT_START_MS_MAX = 10_000;

interface FormerEventRow {
  id: string;
  organization_id: string;
  at: Date;
  actor: string;
  action: string;
  target_type: string;
  target_id: string;
  details: Record<string, AuditValue>;
  from_address: string | null;
}

/**
 * Puts into the chains what releases before this one have written to `keys.audit_event`: what was there before the
 * upgrade, and what their last processes write beside this one. A trigger notes each row in `keys.audit_event_waiting`;
 * entry and note change in one transaction, so that each comes once. The rows themselves stay.
 */
@Injectable()
export class TakeOverFormerEvents extends PeriodicService implements OnModuleInit {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly audit: AuditTrail,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: EVERY_MS, background: true });
  }

  /** What is there already comes before the first entry of this release. */
  async onModuleInit(): Promise<void> {
    const until = performance.now() + AT_START_MS_MAX;
    await this.takeOverAll(() => performance.now() > until);
  }

  protected override async work(): Promise<void> {
    await this.takeOverAll();
  }

  private async takeOverAll(enough: () => boolean = () => false): Promise<void> {
    try {
      while (!this.periodic.stopped && !enough() && (await this.takeOver()) > 0);
    } catch (err) {
      this.logger.warn({ err }, 'audit events of the release before are not in the chains yet');
    }
  }

  /** Takes over some events, the oldest first, and resolves with how many. */
  async takeOver(): Promise<number> {
    return this.database.acrossOrganizations(async (manager) => {
      // Two processes take turns: the second waits, and then finds these gone.
      const events: FormerEventRow[] = await manager.query(
        `SELECT e.id, e.organization_id, e.at, e.actor, e.action, e.target_type, e.target_id, e.details, e.from_address
         FROM keys.audit_event_waiting AS w JOIN keys.audit_event AS e ON e.id = w.event_id
         ORDER BY w.event_id LIMIT ${PART} FOR UPDATE OF w`,
      );
      if (events.length === 0) return 0;
      await manager.query('DELETE FROM keys.audit_event_waiting WHERE event_id = ANY($1::bigint[])', [
        events.map(({ id }) => id),
      ]);
      await this.audit.appendAll(manager, events.map(entryOf));
      return events.length;
    });
  }
}

function entryOf(event: FormerEventRow): OrganizationEntry {
  return {
    organizationId: event.organization_id,
    actor: {
      principal: principalOf(event.actor, event.organization_id),
      address: event.from_address,
      // Former events have none.
      requestId: null,
    },
    action: event.action,
    targetType: event.target_type,
    targetId: event.target_id,
    details: { ...event.details, former_event: event.id },
    at: event.at,
  };
}

/** Releases before this one wrote `admin` and `tollgate`; none had people or keys that ask the admin API. */
function principalOf(actor: string, organizationId: string): Principal | null {
  return actor === 'tollgate' ? null : { kind: 'operator', organizationId };
}
