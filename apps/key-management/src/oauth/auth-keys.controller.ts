import { Body, Controller, Post } from '@nestjs/common';
import { CurrentActor, type Actor } from '@tollgate/auth';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import {
  exchangeCodeRequest,
  exchangedKeyReply,
  type ExchangeCodeRequest,
  type ExchangedKey,
} from './exchange-code.request.js';
import { ExchangeCode } from './exchange-code.js';

/** Where apps exchange codes for keys: from their servers, and from their pages, of whatever origin. */
@Tag('Keys for apps')
@Controller('api/v1/auth/keys')
export class AuthKeysController {
  constructor(private readonly exchange: ExchangeCode) {}

  @Post()
  @Operation({
    id: 'exchangeCode',
    summary: 'Exchange a code for a key',
    description:
      'A code is good once, for 10 minutes, to who knows the verifier of its challenge. A wrong verifier does not use ' +
      'it up. A code that was used or is too old, and one whose person has signed out or may make no keys there any ' +
      'more, is 403.',
  })
  @Refuses('code_not_valid', 'challenge_method_differs', 'rate_limit_exceeded')
  @Replies(exchangedKeyReply, { 200: 'The key.' })
  async create(
    @Body({ schema: exchangeCodeRequest }) body: ExchangeCodeRequest,
    @CurrentActor() actor: Actor,
  ): Promise<ExchangedKey> {
    return this.exchange.execute(body, actor, new Date());
  }
}
