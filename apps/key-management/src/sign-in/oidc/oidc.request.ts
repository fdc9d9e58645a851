import { emailAddressField } from '@tollgate/http';
import { z } from 'zod';
import { organizationId } from '../../organizations/organizations.request.js';
import { ISSUER_LENGTH_MAX } from './issuer-url.js';
import { RETURN_PATH_LENGTH_MAX } from './return-path.js';

/** Visible ASCII (RFC 6749, appendix A: VSCHAR). */
const visible = (lengthMax: number) =>
  z
    .string()
    .min(1)
    .max(lengthMax)
    .regex(/^[\x20-\x7e]*$/, 'must have ASCII characters alone');

/** The body of `PUT /v1/organizations/{id}/oidc`. */
export const setOidcProviderRequest = z
  .strictObject({
    issuer: z
      .string()
      .min(1)
      .max(ISSUER_LENGTH_MAX)
      .describe(
        'The issuer of the provider as it writes it: an https URL, under which its discovery document is found.',
      ),
    client_id: visible(255).describe('What the provider calls this installation.'),
    client_secret: visible(1_000)
      .optional()
      .describe('Left out, the one before stays, if issuer and client stay the same. No reply shows it.'),
    required: z
      .boolean()
      .default(false)
      .describe('Whether sessions that began in another way have no access to the organisation.'),
  })
  .meta({
    id: 'SetOidcProvider',
    examples: [
      { issuer: 'https://login.example.com', client_id: 'tollgate', client_secret: 'a secret of the provider' },
    ],
  });
export type SetOidcProviderRequest = z.output<typeof setOidcProviderRequest>;

/** The query of `GET /v1/sessions/oidc/start`. */
export const startOidcQuery = z.strictObject({
  organization_id: organizationId.optional().describe('The organisation by whose provider to sign in.'),
  email: emailAddressField.optional().describe('An address of a domain that the organisation has proven.'),
  return_to: z
    .string()
    .min(1)
    .max(RETURN_PATH_LENGTH_MAX)
    .default('/')
    .describe('The path of this origin that the browser goes to afterwards.'),
  step_up: z.literal('1').optional().describe('`1` proves the session again that the browser has.'),
});
export type StartOidcQuery = z.output<typeof startOidcQuery>;

const answer = (lengthMax: number, description: string) => z.string().max(lengthMax).optional().describe(description);

/** The query of `GET /v1/sessions/oidc/callback`. Providers send more than these fields, and those are passed over. */
export const finishOidcQuery = z.looseObject({
  state: z.string().min(1).max(200).describe('What the sign-in began with.'),
  code: answer(4_000, 'What the provider gives for the tokens.'),
  iss: answer(ISSUER_LENGTH_MAX, 'The issuer that answers (RFC 9207).'),
  error: answer(200, 'Why the provider does not sign the person in.'),
  error_description: answer(4_000, 'Read by nobody, and shown to nobody.'),
});
export type FinishOidcQuery = z.output<typeof finishOidcQuery>;
