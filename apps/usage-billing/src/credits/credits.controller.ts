import { Controller, Get, UseGuards } from '@nestjs/common';
import { PrincipalGuard } from '@tollgate/auth';
import { OrganizationId } from '@tollgate/http';
import { Operation, Replies, Tag } from '@tollgate/openapi';
import {
  creditsObject,
  creditsReply,
  openRouterCreditsObject,
  openRouterCreditsReply,
  type CreditsObject,
  type OpenRouterCreditsObject,
} from './credits.reply.js';
import { ReadCredits } from './read-credits.js';

/** The credit of the organisation that a request is about. */
@Tag('Billing')
@Controller()
@UseGuards(PrincipalGuard)
export class CreditsController {
  constructor(private readonly credits: ReadCredits) {}

  @Get('v1/credits')
  @Operation({ id: 'getCredits', summary: 'Show the credit of an organisation' })
  @Replies(creditsReply, { 200: 'What was given, used, lapsed and is left.' })
  async one(@OrganizationId() organizationId: string): Promise<CreditsObject> {
    return creditsObject(organizationId, await this.credits.of(organizationId));
  }

  @Get('api/v1/credits')
  @Operation({
    id: 'getOpenRouterCredits',
    summary: 'Show the credit of an organisation, as at OpenRouter',
    description: 'Of the account, and not of the key that asks: that is `GET /api/v1/key`.',
  })
  @Replies(openRouterCreditsReply, { 200: 'The sums, as numbers.' })
  async openRouter(@OrganizationId() organizationId: string): Promise<OpenRouterCreditsObject> {
    return openRouterCreditsObject(await this.credits.of(organizationId));
  }
}
