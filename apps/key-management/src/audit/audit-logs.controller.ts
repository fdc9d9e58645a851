import { Readable } from 'node:stream';
import { Body, Controller, Get, Post, Query, Res, UseGuards } from '@nestjs/common';
import { CurrentActor, CurrentPrincipal, PrincipalGuard, type Actor } from '@tollgate/auth';
import type { Principal } from '@tollgate/access';
import { listOf, OrganizationId, Problem } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { INSTALLATION, STREAMS } from './audit-entry.js';
import { auditLogObject } from './audit-log-object.js';
import {
  auditErasureReply,
  auditLogListReply,
  auditVerificationReply,
  type AuditErasureObject,
  type AuditLogList,
  type AuditVerificationObject,
} from './audit-log.reply.js';
import {
  AUDIT_PAGES,
  eraseAuditTextsRequest,
  exportAuditLogsRequest,
  listAuditLogsRequest,
  VERIFICATION_PAGES,
  verifyAuditLogsRequest,
  type EraseAuditTextsRequest,
  type ExportAuditLogsRequest,
  type ListAuditLogsRequest,
  type VerifyAuditLogsRequest,
} from './audit-logs.request.js';
import { AuditStore } from './audit-store.js';
import { AuditedOrganizationGuard } from './audited-organization.guard.js';
import { EraseAuditTexts } from './erase-audit-texts.js';
import { exportLines } from './export-lines.js';
import { VerifyChains, type VerifiedUpTo } from './verify-chains.js';

/** What one call verifies takes a fraction of a second; a chain of a million entries takes a hundred calls. */
const VERIFIED_PER_CALL = 10_000;

/**
 * The audit trail of one organisation, also of one that was deleted, and with `trail=installation` what concerns none.
 */
@Tag('Audit')
@Controller('v1/audit-logs')
@UseGuards(PrincipalGuard, AuditedOrganizationGuard)
export class AuditLogsController {
  constructor(
    private readonly store: AuditStore,
    private readonly verifyChains: VerifyChains,
    private readonly eraseTexts: EraseAuditTexts,
  ) {}

  @Get()
  @Operation({
    id: 'listAuditLogs',
    summary: 'List the audit trail',
    description: 'Every change, every sign-in and every refused call of the admin API, newest first.',
  })
  @Refuses('access_denied')
  @Replies(auditLogListReply, { 200: 'One page of entries.' })
  async list(
    @OrganizationId() organizationId: string,
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: listAuditLogsRequest }) { limit, cursor, ...filters }: ListAuditLogsRequest,
  ): Promise<AuditLogList> {
    const asked = { organizationId: trailOf(organizationId, principal, filters.trail), filters };
    const after = AUDIT_PAGES.positionOf(cursor, asked);
    const entries = await this.store.page(
      asked.organizationId,
      {
        actor: filters.actor ?? null,
        action: filters.action ?? null,
        targetType: filters.target_type ?? null,
        targetId: filters.target_id ?? null,
        requestId: filters.request_id ?? null,
        stream: filters.stream ?? null,
        from: filters.from ?? null,
        to: filters.to ?? null,
      },
      limit + 1,
      after,
    );
    const page = AUDIT_PAGES.page(entries, limit, asked, ({ columns, stream, seq }) => [
      new Date(columns?.atMs ?? 0).toISOString(),
      stream,
      String(seq),
    ]);
    return listOf(page, auditLogObject);
  }

  /** Nest leaves the reply to this handler: it is sent while it is read. */
  @Get('export')
  @Operation({
    id: 'exportAuditLogs',
    summary: 'Export the audit trail',
    description:
      'Both chains from their first entry on, as lines of JSON. The first line says how many entries there are and ' +
      'how each chain ends; `npm run audit:verify -- FILE` verifies the file.',
  })
  @Refuses('access_denied')
  @Replies(null, { 200: 'The trail.' }, ['application/x-ndjson'])
  export(
    @OrganizationId() organizationId: string,
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: exportAuditLogsRequest }) { trail }: ExportAuditLogsRequest,
    @Res() reply: FastifyReply,
  ): void {
    const lines = exportLines(this.store, trailOf(organizationId, principal, trail), new Date());
    void reply
      .type('application/x-ndjson')
      .header('content-disposition', 'attachment; filename="audit-trail.jsonl"')
      .send(Readable.from(lines, { highWaterMark: 1 }));
  }

  @Get('verification')
  @Operation({
    id: 'verifyAuditLogs',
    summary: 'Verify the audit trail',
    description:
      `Computes the hashes of up to ${VERIFIED_PER_CALL} entries again; call it with \`next_cursor\` for the rest. ` +
      'It finds entries that were edited, deleted, inserted or forked. Whoever can rewrite every table can rewrite ' +
      'the chain too: keep exports, or the counts and hashes of this reply, in another place.',
  })
  @Refuses('access_denied')
  @Replies(auditVerificationReply, { 200: 'What was found.' })
  async verify(
    @OrganizationId() organizationId: string,
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: verifyAuditLogsRequest }) { cursor, trail }: VerifyAuditLogsRequest,
  ): Promise<AuditVerificationObject> {
    const asked = { organizationId: trailOf(organizationId, principal, trail) };
    const position = VERIFICATION_PAGES.positionOf(cursor, asked);
    const from = position && { stream: position[0], count: Number(position[1]), lastHash: position[2] };
    const found = await this.verifyChains.execute(asked.organizationId, from, VERIFIED_PER_CALL);
    const cursorOf = ({ stream, count, lastHash }: VerifiedUpTo): string =>
      VERIFICATION_PAGES.cursorOf([stream, String(count), lastHash], asked);
    return {
      object: 'audit_verification',
      valid: found.fault === null,
      verified: found.verified,
      complete: found.fault === null && found.next === null,
      next_cursor: found.next === null ? null : cursorOf(found.next),
      fault: found.fault,
      chains: STREAMS.map((stream) => {
        const { count, lastHash } = found.heads[stream];
        return { stream, count, last_hash: lastHash };
      }),
    };
  }

  @Post('erasures')
  @Operation({
    id: 'eraseAuditTexts',
    summary: 'Erase a person from the audit trail',
    description:
      'Erases names and addresses, and nothing else: the entries stay, name people by their ids, and verify as before.',
  })
  @Refuses('access_denied')
  @Replies(auditErasureReply, { 200: 'What was erased.' })
  async erase(
    @OrganizationId() organizationId: string,
    @Body({ schema: eraseAuditTextsRequest }) { trail, person_id: personId, text }: EraseAuditTextsRequest,
    @CurrentActor() actor: Actor,
    @CurrentPrincipal() principal: Principal,
  ): Promise<AuditErasureObject> {
    const which = personId === undefined ? { text: text ?? '' } : { personId };
    const erased = await this.eraseTexts.execute(trailOf(organizationId, principal, trail), which, actor);
    return { object: 'audit_erasure', erased };
  }
}

/** What concerns no organisation may name people of any: it is the operator's alone. */
function trailOf(organizationId: string, principal: Principal, trail: 'organization' | 'installation'): string {
  if (trail === 'organization') return organizationId;
  if (principal.kind !== 'operator') throw new Problem('access_denied');
  return INSTALLATION;
}
