import { Body, Controller, Post } from '@nestjs/common';
import { CurrentActor, type Actor } from '@tollgate/auth';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import { PasswordResets } from './password-resets.js';
import {
  askedReply,
  createPasswordResetRequest,
  finishedReply,
  finishPasswordResetRequest,
  type CreatePasswordResetRequest,
  type FinishPasswordResetRequest,
} from './password-resets.request.js';

/** New passwords by mail. */
@Tag('Sessions')
@Controller('v1/password-resets')
export class PasswordResetsController {
  constructor(private readonly resets: PasswordResets) {}

  @Post()
  @Operation({
    id: 'createPasswordReset',
    summary: 'Ask for a new password by mail',
    description: 'The reply is the same for every address. If it is that of an account, a link is mailed to it.',
  })
  @Replies(askedReply, { 202: 'Whoever has the address is sent a link, which is good for an hour.' })
  @Refuses('rate_limit_exceeded', 'server_busy')
  async create(
    @Body({ schema: createPasswordResetRequest }) { email }: CreatePasswordResetRequest,
    @CurrentActor() actor: Actor,
  ) {
    await this.resets.ask(email, actor);
    return { object: 'password_reset', state: 'requested' } as const;
  }

  @Post('finish')
  @Operation({
    id: 'finishPasswordReset',
    summary: 'Set a new password',
    description:
      'All sessions of the person end, and so do all other links that let them in. No session begins: sign in afterwards.',
  })
  @Replies(finishedReply, { 200: 'The password is set.' })
  @Refuses('invalid_link', 'rate_limit_exceeded', 'server_busy')
  async finish(
    @Body({ schema: finishPasswordResetRequest }) { token, password }: FinishPasswordResetRequest,
    @CurrentActor() actor: Actor,
  ) {
    await this.resets.finish(token, password, actor);
    return { object: 'password_reset', state: 'finished' } as const;
  }
}
