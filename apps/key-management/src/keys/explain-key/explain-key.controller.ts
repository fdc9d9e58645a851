import { Body, Controller, HttpCode, Param, Post, UseGuards } from '@nestjs/common';
import { PrincipalGuard } from '@tollgate/auth';
import { OrganizationId, Problem } from '@tollgate/http';
import { Operation, Replies, Tag } from '@tollgate/openapi';
import { OrganizationGuard } from '../../organizations/organization.guard.js';
import { apiKeyPath, type ApiKeyPath } from '../api-key.path.js';
import { ExplainKey } from './explain-key.js';
import { explainKeyRequest, type ExplainKeyRequest } from './explain-key.request.js';
import { explanationObject, explanationReply, type ExplanationObject } from './explanation.reply.js';

/** Explanations of what keys may do. */
@Tag('API keys')
@Controller('v1/api-keys')
@UseGuards(PrincipalGuard, OrganizationGuard)
export class ExplainKeyController {
  constructor(private readonly explainKey: ExplainKey) {}

  @Post(':id/explain')
  @HttpCode(200)
  @Operation({
    id: 'explainApiKey',
    summary: 'Say whether a key would pass, and why not',
    description:
      'By the rules that gateways go by, in their order. Nothing is called, held or charged. A key that has ended is ' +
      'explained too. Without a model the budgets of all its groups count, as on a route that is open to everyone. What is left of rate limits only gateways know, and a call may be refused for credit although ' +
      'something is left: it holds what it may cost at most.',
  })
  @Replies(explanationReply, { 200: 'What the rules say.' })
  async explain(
    @OrganizationId() organizationId: string,
    @Param({ schema: apiKeyPath }) { id }: ApiKeyPath,
    @Body({ schema: explainKeyRequest }) body: ExplainKeyRequest,
  ): Promise<ExplanationObject> {
    const now = new Date();
    const at = body.at === undefined ? now : new Date(body.at);
    const explanation = await this.explainKey.execute(organizationId, id, body, at, now);
    if (explanation === null) throw new Problem('api_key_not_found');
    return explanationObject(id, at, explanation);
  }
}
