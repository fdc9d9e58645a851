import 'reflect-metadata';
import { Body, Controller, Get, Param, Post, Query, UseGuards } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { buildDocument, Operation, pathSchema, Refuses, Replies, routesOf, shown, Tag } from './index.js';

class Guard {
  canActivate() {
    return true;
  }
}

const part = z.object({ name: z.string() }).meta({ id: 'Part' });
const thing = z.object({ id: z.uuid(), part }).meta({ id: 'Thing' });
const makeThing = z
  .strictObject({
    name: z.string().max(9),
    from: z.iso
      .datetime()
      .transform((text) => new Date(text))
      .optional(),
  })
  .meta({ id: 'MakeThing', examples: [{ name: 'a' }] });
const thingPath = pathSchema('api_key_not_found', z.object({ id: z.uuid() }));
const thingsQuery = z.strictObject({
  limit: shown(z.string().transform(Number).default(20), { type: 'integer', maximum: 100 }),
  of: z.string().describe('Whose.'),
});

@Tag('Things')
@Controller('v1/things')
@UseGuards(Guard)
class ThingsController {
  @Post()
  @Operation({ id: 'createProject', summary: 'Make a thing' })
  @Replies(thing, { 201: 'The thing.' })
  @Refuses('conflict')
  make(@Body({ schema: makeThing }) _body: unknown) {}

  @Get()
  @Operation({ id: 'listProjects', summary: 'List things', description: 'All of them.' })
  @Replies(null, { 204: 'There is none.' })
  list(@Query({ schema: thingsQuery }) _query: unknown) {}

  @Get(':id/parts')
  @Operation({ id: 'getProject', summary: 'Show a thing' })
  @Replies(thing, { 200: 'The thing.', 202: 'The thing, soon.' })
  show(@Param({ schema: thingPath }) _path: unknown) {}
}

const tags = [{ name: 'Things', description: 'What there is.' }];
const build = (controller: typeof ThingsController | (new () => object)) =>
  buildDocument({ title: 'Things', tags, controllers: [controller] });
const document = build(ThingsController);
const things = document.paths['/v1/things']!;

describe('a document', () => {
  it('has the routes of its controllers, with the names of their parameters', () => {
    expect(routesOf(document)).toEqual([
      { method: 'GET', path: '/v1/things' },
      { method: 'POST', path: '/v1/things' },
      { method: 'GET', path: '/v1/things/{id}/parts' },
    ]);
    expect(document.paths['/v1/things/{id}/parts']!.get!.parameters).toEqual([
      { name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } },
    ]);
    expect(things.get!.parameters).toEqual([
      { name: 'limit', in: 'query', required: false, schema: { type: 'integer', maximum: 100 } },
      { name: 'of', in: 'query', required: true, description: 'Whose.', schema: { type: 'string' } },
    ]);
  });
  it('has what a body is before it is read, and refers to schemas by their ids', () => {
    expect(things.post!.requestBody).toEqual({
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/MakeThing' } } },
    });
    expect(Object.keys(document.components.schemas)).toEqual(['MakeThing', 'Part', 'Problem', 'Thing']);
    expect(document.components.schemas['MakeThing']).toMatchObject({
      additionalProperties: false,
      properties: { from: { type: 'string', format: 'date-time' } },
    });
    expect(document.components.schemas['Thing']).toMatchObject({
      properties: { part: { $ref: '#/components/schemas/Part' } },
    });
  });
  it('has the refusals of the handler, its guard, its path, its body and the server, by status', () => {
    expect(Object.keys(things.post!.responses)).toEqual([
      '201',
      '400',
      '401',
      '403',
      '404',
      '408',
      '409',
      '413',
      '415',
      '429',
      '431',
      '500',
      '503',
    ]);
    expect(Object.keys(things.get!.responses)).toEqual(['204', '400', '401', '403', '404', '429', '431', '500', '503']);
    const one = document.paths['/v1/things/{id}/parts']!.get!.responses;
    expect(Object.keys(one)).toEqual(['200', '202', '400', '401', '403', '404', '429', '431', '500', '503']);
    expect(one['404']).toMatchObject({
      content: { 'application/problem+json': { examples: { api_key_not_found: {} } } },
    });
  });
  it('says by the table of permissions what callers must show, for programs and for people', () => {
    expect(things.post!.security).toEqual([{ adminSecret: [] }, { apiKey: ['admin'] }, { session: ['admin'] }]);
    expect(things.post!['x-permission']).toEqual({
      kind: 'organization',
      role: 'admin',
      scope: 'admin',
      step_up: false,
      hands_out: null,
    });
    expect(things.get!.description).toBe(
      'All of them.\n\nFor the admin secret, an API key with the scope `admin`, and a member whose role is `viewer` or above.',
    );
    expect(Object.keys(document.components.securitySchemes)).toEqual(['adminSecret', 'apiKey', 'session']);
  });
  it('cannot be made where a route says too little, or an example is wrong', () => {
    @Tag('Things')
    @Controller()
    class Silent {
      @Get('silent')
      @Replies(null, { 204: 'Nothing.' })
      silent() {}
    }
    expect(() => build(Silent)).toThrow('Silent.silent has no decorator for tollgate:operation');

    const wrong = z.object({ name: z.string() }).meta({ examples: [{ name: 7 }] });
    @Tag('Things')
    @Controller()
    class Wrong {
      @Get('wrong')
      @Operation({ id: 'getMe', summary: 'Be wrong' })
      @Replies(wrong, { 200: 'Wrong.' })
      wrong() {}
    }
    expect(() => build(Wrong)).toThrow('an example is not as its schema has it: {"name":7}');
    expect(() => buildDocument({ title: 'x', tags: [], controllers: [ThingsController] })).toThrow(
      'the tag Things is not described',
    );
  });
});
