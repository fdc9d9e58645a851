import { Injectable } from '@nestjs/common';
import type { Principal } from '@tollgate/access';
import type { RefusedCall } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';
import { OrganizationStore } from '../organizations/organization-store.js';
import { INSTALLATION, type AuditEntry } from './audit-entry.js';
import { AuditTrail } from './audit-trail.js';

/** Writes refused calls of all services into the audit trail, into the chains of refusals. */
@Injectable()
export class RecordRefusedCalls {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly audit: AuditTrail,
    private readonly organizations: OrganizationStore,
  ) {}

  /**
   * Each organisation has its refusals in a transaction of its own. Those of callers who are not known, and of an
   * organisation that does not exist, are the installation's.
   */
  async execute(calls: readonly RefusedCall[], now: Date): Promise<void> {
    const trails = new Map<string, AuditEntry[]>();
    for (const call of calls) {
      const { organizationId } = call;
      const exists = organizationId !== null && (trails.has(organizationId) || (await this.exists(organizationId)));
      const trail = exists ? organizationId : INSTALLATION;
      trails.set(trail, [...(trails.get(trail) ?? []), entryOf(call, now)]);
    }
    for (const [organizationId, entries] of trails)
      await this.database.inOrganization(organizationId, (manager) =>
        this.audit.appendRefusals(manager, organizationId, entries),
      );
  }

  private async exists(organizationId: string): Promise<boolean> {
    return (await this.organizations.find(organizationId)) !== null;
  }
}

function entryOf(call: RefusedCall, now: Date): AuditEntry {
  const { code, status, count, firstAt, lastAt, principal, organizationId, address, requestId, route } = call;
  // The clock of another process may be ahead.
  const at = new Date(Math.min(Date.parse(lastAt), now.getTime()));
  return {
    actor: { principal: principalOf(principal, organizationId ?? ''), address, requestId },
    action: 'call.refused',
    targetType: 'route',
    targetId: route,
    details: {
      code,
      status,
      count,
      first_at: firstAt,
      last_at: lastAt,
      ...(principal.kind === 'several' && { several_callers: true }),
    },
    at,
  };
}

/** Only the id is known of a caller here; the trail asks for no more. */
function principalOf(principal: RefusedCall['principal'], organizationId: string): Principal | null {
  switch (principal.kind) {
    case 'operator':
      return { kind: 'operator', organizationId };
    case 'api_key':
      return { kind: 'api_key', apiKeyId: principal.id, organizationId, scopes: [] };
    case 'person':
      return { kind: 'person', personId: principal.id, sessionId: '', organizationId, role: null, provenAtMs: 0 };
    case 'unknown':
    case 'several':
      return null;
  }
}
