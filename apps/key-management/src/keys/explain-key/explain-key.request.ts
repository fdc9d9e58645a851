import { INFERENCE_ENDPOINTS, inferenceEndpoint, isModelName } from '@tollgate/access';
import { normaliseAddress } from '@tollgate/api-key';
import { shown } from '@tollgate/openapi';
import { z } from 'zod';

const ENDPOINTS = Object.values(INFERENCE_ENDPOINTS);
const PATHS = ENDPOINTS.map(({ paths: [path] }) => path);
/** An IPv6 address with an IPv4 address in it. */
const ADDRESS_CHARACTERS_MAX = 45;

const model = shown(
  z.string().refine(isModelName, 'must be a string of 1 to 200 characters, none of them a control character'),
  { type: 'string', minLength: 1, maxLength: 200, description: 'What the caller writes in `model`.' },
);

const ip = shown(
  z.string().transform((text, context) => {
    const address = text.length > ADDRESS_CHARACTERS_MAX ? null : normaliseAddress(text);
    if (address !== null) return address;
    context.addIssue({ code: 'custom', message: 'must be one IPv4 or IPv6 address, as 192.0.2.1' });
    return z.NEVER;
  }),
  { type: 'string', maxLength: ADDRESS_CHARACTERS_MAX, description: 'The address that the request comes from.' },
);

const endpoint = shown(
  z.string().transform((text, context) => {
    const found = inferenceEndpoint(text);
    if (found !== null) return found;
    context.addIssue({ code: 'custom', message: `must be an inference endpoint: ${PATHS.join(' or ')}` });
    return z.NEVER;
  }),
  {
    type: 'string',
    enum: ENDPOINTS.flatMap(({ name, paths }) => [...paths, name]),
    description: 'The endpoint that is called; `/v1/chat/completions` if it is left out.',
  },
);

/** The body of `POST /v1/api-keys/{id}/explain`. What is left out is not looked at. */
export const explainKeyRequest = z
  .strictObject({
    model: model.optional(),
    ip: ip.optional(),
    endpoint: endpoint.default(INFERENCE_ENDPOINTS.chatCompletions),
    at: z.iso
      .datetime({ offset: true })
      .optional()
      .describe('When the call is made; now if it is left out. A key may have expired by then.'),
    from_browser: z.boolean().default(false).describe('Whether a web page makes the call.'),
  })
  .meta({
    id: 'ExplainApiKey',
    examples: [
      { model: 'gpt-4o', ip: '192.0.2.1' },
      { model: 'gpt-4o', at: '2027-01-01T00:00:00Z' },
    ],
  });
export type ExplainKeyRequest = z.output<typeof explainKeyRequest>;
