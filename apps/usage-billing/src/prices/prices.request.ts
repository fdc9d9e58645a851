import { pageQuery, Pages } from '@tollgate/http';
import { pathSchema, shown } from '@tollgate/openapi';
import { z } from 'zod';
import { namedOrganizationId } from '../terms/organization-billing.request.js';

const name = (description: string) =>
  shown(z.string().min(1).max(200).optional(), { type: 'string', minLength: 1, maxLength: 200, description });

/** The query of `GET /v1/prices`. */
export const listPricesRequest = z.strictObject({
  ...pageQuery,
  organization_id: namedOrganizationId
    .optional()
    .describe('As whose calls are priced; the same as by `x-organization-id`.'),
  source: name('Only prices of this source, as `openai`.'),
  model: name('Only prices of the model of exactly this id.'),
});
export type ListPricesRequest = z.output<typeof listPricesRequest>;

/** The path of `GET /v1/prices/versions/{version}`. */
export const priceVersionPath = pathSchema(
  'price_version_not_found',
  z.strictObject({
    version: z
      .string()
      .regex(/^[0-9a-f]{12}(?:-[0-9a-f]{12})?$/)
      .describe(
        'As usage events name it: `price_version`. The part after `-` is that of the own prices of an organisation.',
      ),
  }),
);
export type PriceVersionPath = z.output<typeof priceVersionPath>;

const text = z.string().max(300);
/** The prices in pages, by where they come from, whose they are, model, and place in the file. */
export const PRICE_PAGES = new Pages('prices', z.tuple([text, text, text, text]));
