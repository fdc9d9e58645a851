import { Controller, Get, UseGuards } from '@nestjs/common';
import type { Principal } from '@tollgate/access';
import { CurrentPrincipal, PrincipalGuard } from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import { Operation, Replies, Tag } from '@tollgate/openapi';
import { KeyMakers } from '../keys/api-key/key-makers.js';
import { SubscriptionCycles } from '../keys/key-use/subscription-cycles.js';
import { currentOpenRouterKey } from './openrouter-key.js';
import { currentOpenRouterKeyReply } from './openrouter-key.reply.js';
import { OpenRouterKeys } from './openrouter-keys.js';

/** The key that asks about itself, as at OpenRouter. */
@Tag('OpenRouter')
@Controller('api/v1/key')
@UseGuards(PrincipalGuard)
export class CurrentKeyController {
  constructor(
    private readonly keys: OpenRouterKeys,
    private readonly makers: KeyMakers,
    private readonly cycles: SubscriptionCycles,
  ) {}

  @Get()
  @Operation({
    id: 'getCurrentOpenRouterKey',
    summary: 'Show the key that asks, as at OpenRouter',
    description: 'What it may spend and has spent, by the ledger.',
  })
  @Replies(currentOpenRouterKeyReply, { 200: 'The key.' })
  async show(@CurrentPrincipal() principal: Principal) {
    if (principal.kind !== 'api_key') throw new Problem('access_denied');
    const { organizationId, apiKeyId: id } = principal;
    const key = await this.keys.keyOf(organizationId, id).catch((error: unknown) => {
      // A project key is one with both halves alone; and a key may have ended since it was identified.
      throw error instanceof Problem && error.code === 'api_key_not_found' ? new Problem('access_denied') : error;
    });
    const [charged, cycle, makers] = await Promise.all([
      this.keys.chargedTo(organizationId, [id]),
      this.cycles.of(key),
      this.makers.of(organizationId, [id]),
    ]);
    const sums = charged.get(id) ?? { chargedNanoUsd: '0' };
    return { data: currentOpenRouterKey(key, sums, cycle, makers.get(id) ?? null, new Date()) };
  }
}
