import { Body, Controller, Post } from '@nestjs/common';
import type { Principal } from '@tollgate/access';
import { CurrentActor, CurrentPrincipal, type Actor } from '@tollgate/auth';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import { z } from 'zod';
import { linkTokenField } from '../link-token.js';
import { personOf } from '../person-of.js';
import { EmailConfirmations } from './email-confirmations.js';

/** The body of `POST /v1/email-confirmations/finish`. */
const finishEmailConfirmationRequest = z
  .strictObject({ token: linkTokenField })
  .meta({ id: 'FinishEmailConfirmation', examples: [{ token: 'bG9vayBiZWhpbmQgdGhlIGhhc2ggb2YgdGhlIGxpbmsu' }] });

const emailConfirmationReply = z
  .object({
    object: z.literal('email_confirmation'),
    state: z.enum(['sent', 'confirmed']).describe('`confirmed` where there is nothing to confirm any more.'),
  })
  .meta({ id: 'EmailConfirmation', examples: [{ object: 'email_confirmation', state: 'sent' }] });

/** Confirming that one reads the mails to one's address. */
@Tag('Sessions')
@Controller('v1/email-confirmations')
export class EmailConfirmationsController {
  constructor(private readonly confirmations: EmailConfirmations) {}

  @Post()
  @Operation({
    id: 'createEmailConfirmation',
    summary: 'Ask for a link that confirms an address',
    description: 'It goes to the address of the account, and is good for a day.',
  })
  @Replies(emailConfirmationReply, { 202: 'The link is on its way, or the address is confirmed already.' })
  @Refuses('rate_limit_exceeded')
  async create(@CurrentPrincipal() principal: Principal) {
    const sent = await this.confirmations.send(personOf(principal));
    return { object: 'email_confirmation', state: sent ? 'sent' : 'confirmed' } as const;
  }

  @Post('finish')
  @Operation({
    id: 'finishEmailConfirmation',
    summary: 'Confirm an address',
    description: 'Takes the token of the link, which can be used once.',
  })
  @Replies(emailConfirmationReply, { 200: 'The address is confirmed.' })
  @Refuses('invalid_link', 'rate_limit_exceeded')
  async finish(
    @Body({ schema: finishEmailConfirmationRequest }) { token }: z.output<typeof finishEmailConfirmationRequest>,
    @CurrentActor() actor: Actor,
  ) {
    await this.confirmations.finish(token, actor);
    return { object: 'email_confirmation', state: 'confirmed' } as const;
  }
}
