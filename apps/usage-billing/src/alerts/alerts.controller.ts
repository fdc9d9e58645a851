import { Body, Controller, Get, Patch, Query, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { listOf, OrganizationId } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import { Owners } from '../owners/owners.js';
import { AlertSettingsStore } from './alert-settings.js';
import { AlertStore } from './alert-store.js';
import {
  alertListReply,
  alertObject,
  alertSettingsObject,
  alertSettingsReply,
  type AlertList,
  type AlertSettingsObject,
} from './alert.reply.js';
import {
  ALERT_PAGES,
  listAlertsRequest,
  updateAlertSettingsRequest,
  type ListAlertsRequest,
  type UpdateAlertSettingsRequest,
} from './alerts.request.js';

/** What people were told of about the credit of an organisation, and what they want to be told of. */
@Tag('Alerts')
@Controller('v1/alerts')
@UseGuards(PrincipalGuard)
export class AlertsController {
  constructor(
    private readonly alerts: AlertStore,
    private readonly settings: AlertSettingsStore,
    private readonly owners: Owners,
  ) {}

  @Get()
  @Operation({
    id: 'listAlerts',
    summary: 'List alerts',
    description:
      'Newest first. A level of a limit is told of once in each of its cycles; where it has none, again after a raise or a top-up has brought it below.',
  })
  @Replies(alertListReply, { 200: 'One page of alerts.' })
  async list(
    @OrganizationId() organizationId: string,
    @Query({ schema: listAlertsRequest }) { limit, cursor, kind, account, api_key_id, level }: ListAlertsRequest,
  ): Promise<AlertList> {
    const asked = { organizationId, filters: { kind, account, api_key_id, level } };
    const after = ALERT_PAGES.positionOf(cursor, asked);
    const filters = {
      kind: kind ?? null,
      accountId: account ?? null,
      apiKeyId: api_key_id ?? null,
      level: level ?? null,
    };
    const listed = await this.alerts.list(organizationId, limit + 1, after, filters);
    const page = ALERT_PAGES.page(listed, limit, asked, ({ position: [raisedAt, id] }) => [raisedAt, id]);
    return listOf(page, ({ alert }) => alertObject(alert));
  }

  @Get('settings')
  @Operation({ id: 'getAlertSettings', summary: 'Show what an organisation is told of' })
  @Replies(alertSettingsReply, { 200: 'The settings.' })
  async one(@OrganizationId() organizationId: string): Promise<AlertSettingsObject> {
    return alertSettingsObject(await this.settings.find(organizationId));
  }

  @Patch('settings')
  @Operation({
    id: 'updateAlertSettings',
    summary: 'Change what an organisation is told of',
    description:
      'What is left out stays as it is. Mails go to the owners and to `emails`; webhooks get the same alerts, where they ask for them.',
  })
  @Refuses('organization_not_found')
  @Replies(alertSettingsReply, { 200: 'The settings as they are now.' })
  async update(
    @OrganizationId() organizationId: string,
    @Body({ schema: updateAlertSettingsRequest }) { levels, emails, unusual_spend }: UpdateAlertSettingsRequest,
    @CurrentActor() actor: Actor,
  ): Promise<AlertSettingsObject> {
    await this.owners.ofOrganization({ organizationId });
    const changed = await this.settings.change(organizationId, actor, (before) => ({
      levels: levels ?? before.levels,
      emails: emails ?? before.emails,
      unusualSpend: unusual_spend?.enabled ?? before.unusualSpend,
      unusualFloorNanoUsd: unusual_spend?.floor_usd ?? before.unusualFloorNanoUsd,
    }));
    return alertSettingsObject(changed);
  }
}
