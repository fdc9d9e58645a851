import { emailAddressField } from '@tollgate/http';
import { z } from 'zod';
import { newPasswordField } from '../../people/passwords.js';
import { linkTokenField } from '../link-token.js';

/** The body of `POST /v1/password-resets`. */
export const createPasswordResetRequest = z
  .strictObject({ email: emailAddressField })
  .meta({ id: 'CreatePasswordReset', examples: [{ email: 'ada@example.org' }] });
export type CreatePasswordResetRequest = z.output<typeof createPasswordResetRequest>;

/** The body of `POST /v1/password-resets/finish`. */
export const finishPasswordResetRequest = z.strictObject({ token: linkTokenField, password: newPasswordField }).meta({
  id: 'FinishPasswordReset',
  examples: [{ token: 'bG9vayBiZWhpbmQgdGhlIGhhc2ggb2YgdGhlIGxpbmsu', password: 'correct horse battery staple' }],
});
export type FinishPasswordResetRequest = z.output<typeof finishPasswordResetRequest>;

/** The reply to somebody who asked for a mail: the same for every address. */
export const askedReply = z
  .object({ object: z.literal('password_reset'), state: z.literal('requested') })
  .meta({ id: 'RequestedPasswordReset', examples: [{ object: 'password_reset', state: 'requested' }] });

/** The reply to somebody who has set a new password. */
export const finishedReply = z
  .object({ object: z.literal('password_reset'), state: z.literal('finished') })
  .meta({ id: 'FinishedPasswordReset', examples: [{ object: 'password_reset', state: 'finished' }] });
