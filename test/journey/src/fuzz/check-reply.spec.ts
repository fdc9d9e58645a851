import { describe, expect, it } from 'vitest';
import { ReplyCheck, type Reply } from './check-reply.js';
import { routesToFuzz, type ApiDocument } from './documented.js';

const problem = { content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } };
const document: ApiDocument = {
  paths: {
    '/v1/things': {
      get: {
        operationId: 'listThings',
        responses: {
          200: { content: { 'application/json': { schema: { type: 'object', required: ['data'] } } } },
          204: {},
          400: problem,
          503: problem,
        },
      },
    },
    '/v1/chat': { post: { operationId: 'chat', responses: { 400: { content: { 'application/json': {} } } } } },
  },
  components: { schemas: { Problem: { type: 'object', required: ['code'] } } },
};
const [route] = routesToFuzz(document);
const check = new ReplyCheck(document);

function faultOf(status: number, body: string, headers: Reply['headers'] = {}): string | null {
  const type = status >= 400 ? 'application/problem+json' : 'application/json; charset=utf-8';
  const all = { 'x-request-id': 'r', 'content-type': type, ...headers };
  return check.faultOf(route!, { status, headers: all, body: Buffer.from(body) });
}

describe('the check of replies', () => {
  it('leaves out inference routes, whose errors have another form', () => {
    expect(routesToFuzz(document).map(({ id }) => id)).toEqual(['listThings']);
  });
  it('lets through what the document has', () => {
    expect(faultOf(200, '{"data":[]}')).toBeNull();
    expect(faultOf(204, '')).toBeNull();
    expect(faultOf(400, '{"code":"x"}')).toBeNull();
    expect(faultOf(503, '{"code":"x"}', { 'retry-after': '1' })).toBeNull();
  });
  it.each<[string, number, string, Reply['headers']]>([
    ['a failure', 500, '{"code":"x"}', {}],
    ['a 503 that does not say when to come again', 503, '{"code":"x"}', {}],
    ['a status that is not documented', 201, '{"data":[]}', {}],
    ['a body outside its schema', 200, '{}', {}],
    ['a problem outside its schema', 400, '{}', {}],
    ['a body that is no JSON', 200, '{', {}],
    ['another media type', 200, '{"data":[]}', { 'content-type': 'text/html' }],
    ['no id of the request', 200, '{"data":[]}', { 'x-request-id': undefined }],
    ['a body where there is none', 204, '{}', {}],
  ])('finds %s', (_what, status, body, headers) => {
    expect(faultOf(status, body, headers)).not.toBeNull();
  });
});
