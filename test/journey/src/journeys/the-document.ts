import { describe, expect, it } from 'vitest';
import { rawExchange } from '../kit/raw-exchange.js';
import type { Shape } from '../kit/shape.js';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
}

/** What a client is told of the API, and whether it is true of this deployment. */
export function theDocument(shape: () => Shape): void {
  describe('the document of the API', () => {
    const origin = (): string => shape().gateways[0]!.url;
    const read = async (): Promise<Document> => (await fetch(`${origin()}/openapi.json`)).json() as Promise<Document>;

    it('is read without a credential, whole', async () => {
      const reply = await fetch(`${origin()}/openapi.json`);
      expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'application/json']);
      const { openapi, paths } = (await reply.json()) as Document;
      expect(openapi).toMatch(/^3\.1\./);
      expect(Object.keys(paths)).toEqual(
        expect.arrayContaining([
          '/v1/api-keys',
          '/v1/usage',
          '/webhooks/github/secret-scanning',
          '/v1/chat/completions',
        ]),
      );
      expect(Object.keys(paths).filter((path) => path.startsWith('/internal'))).toEqual([]);
    });

    it('has the methods that each path takes, and no others', async () => {
      const all = Object.entries((await read()).paths);
      for (const [template] of all) {
        const path = template.replace(/\{\w+\}/g, '0190a1b2-0000-7000-8000-000000000000');
        const { status, headers } = await rawExchange(origin(), `OPTIONS ${path}`);
        // A name may stand where another path has a parameter: `/v1/invitations/accept` takes what both take.
        const matching = all.filter(([each]) => new RegExp(`^${each.replace(/\{\w+\}/g, '[^/]+')}$`).test(path));
        const methods = [...new Set(matching.flatMap(([, item]) => Object.keys(item)))].map((each) =>
          each.toUpperCase(),
        );
        // Where something is read, its head is as well.
        const taken = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].sort();
        expect([path, status, headers['allow']]).toEqual([path, 204, taken.join(', ')]);
      }
    });
  });
}
