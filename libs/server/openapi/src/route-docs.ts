import { FASTIFY_ROUTE_CONFIG_METADATA } from '@nestjs/platform-fastify/constants.js';
import type { AdminOperation } from '@tollgate/access';
import { applyDecorators, HttpCode, SerializeOptions, SetMetadata } from '@nestjs/common';
import type { ErrorCode } from '@tollgate/errors';
import { z } from 'zod';

/** The kinds of credentials; each is a security scheme of the document. */
export type Credential = 'adminSecret' | 'apiKey' | 'projectKey' | 'session' | 'githubSignature';

/** The texts that describe a route. */
export interface OperationText {
  /** Unique among all services: clients name their functions after it. */
  readonly id: string;
  /** A few words without a full stop. */
  readonly summary: string;
  /** Whole sentences, in Markdown. */
  readonly description?: string;
}

/** The replies of a route to requests that it does not refuse. */
export interface RouteReplies {
  /** The schema of the body; null if the reply has none. */
  readonly schema: z.ZodType | null;
  /** A description of each status. The lowest status is the usual one. */
  readonly statuses: Readonly<Record<number, string>>;
  /** The media types that a reply may have besides JSON. Their content has no schema. */
  readonly mediaTypes?: readonly string[];
}

/** The credential that a route or a guard requires, and the errors of callers without it. */
export interface Access {
  readonly credential: Credential;
  readonly refusals: readonly ErrorCode[];
}

/** The names under which Nest stores the metadata of the decorators below. */
export const DOCS = {
  access: 'tollgate:access',
  body: 'tollgate:body',
  form: 'tollgate:form',
  bodyLines: 'tollgate:body-lines',
  operation: 'tollgate:operation',
  refusals: 'tollgate:refusals',
  replies: 'tollgate:replies',
  tag: 'tollgate:tag',
  version: 'tollgate:version',
} as const;

/** Names the group of routes that a controller belongs to; the document's part describes it. */
export const Tag = (name: string): ClassDecorator => SetMetadata(DOCS.tag, name);

/** The texts of a route whose permission the table has, by its id. */
export interface AdminOperationText extends OperationText {
  readonly id: AdminOperation;
}

/** Describes a handler. Who may call it stands in the table of permissions, under the same id. */
export const Operation = (text: AdminOperationText): MethodDecorator =>
  applyDecorators(
    SetMetadata(DOCS.operation, text),
    // Hooks of the server see it too, which run before a body is read and know nothing of handlers.
    SetMetadata(FASTIFY_ROUTE_CONFIG_METADATA, { [OPERATION_KEY]: text.id }),
  );

const OPERATION_KEY = 'tollgateOperation';

/** The id of the operation that the configuration of a route of Fastify names; null for a route without one. */
export function operationOfRoute(config: object): string | null {
  const id = (config as Readonly<Record<string, unknown>>)[OPERATION_KEY];
  return typeof id === 'string' ? id : null;
}

/**
 * Describes the replies of a handler. The document and the serializer use the same schema: a field that the schema does
 * not have is never sent. `mediaTypes` are those of replies that are no JSON.
 *
 * @example
 * @Delete(':id')
 * @Replies(deletedKeyReply, { 200: 'Every gateway knows it.', 202: 'Some gateways are still being told.' })
 */
export function Replies(
  schema: z.ZodType | null,
  statuses: Readonly<Record<number, string>>,
  mediaTypes: readonly string[] = [],
): MethodDecorator {
  const usual = Number(Object.keys(statuses)[0]);
  const docs = SetMetadata(DOCS.replies, { schema, statuses, mediaTypes } satisfies RouteReplies);
  return schema === null
    ? applyDecorators(HttpCode(usual), docs)
    : applyDecorators(HttpCode(usual), SerializeOptions({ schema }), docs);
}

/** What `@Replies` says of a handler. */
export const repliesOf = (handler: object): RouteReplies | undefined =>
  Reflect.getMetadata(DOCS.replies, handler) as RouteReplies | undefined;

/**
 * Names the errors of the catalogue that a handler or a guard itself refuses with. A handler need not name the errors
 * of its guards, of its body, and of every server: the document has them without it.
 */
export const Refuses = (...codes: ErrorCode[]): MethodDecorator & ClassDecorator => SetMetadata(DOCS.refusals, codes);

/** Names the credential, and the errors of callers without it, of a guard, or of a controller without a guard. */
export const Admits = (credential: Credential, ...refusals: ErrorCode[]): ClassDecorator =>
  SetMetadata(DOCS.access, { credential, refusals } satisfies Access);

/** Documents that the usual replies of a handler show a version as `ETag`; `showVersion` sets it. */
export const ShowsVersion = (): MethodDecorator => SetMetadata(DOCS.version, true);

/** Documents the body of a handler that takes it as bytes, because it checks a signature over them. */
export const TakesBytes = (schema: z.ZodType): MethodDecorator => SetMetadata(DOCS.body, schema);

/** Documents the fields of a plain form, which its handler reads by `parseForm`. */
export const TakesForm = (schema: z.ZodType): MethodDecorator =>
  applyDecorators(SetMetadata(DOCS.body, schema), SetMetadata(DOCS.form, true));
/** Documents the body of a handler that reads it line by line: `schema` is that of one line. */
export const TakesLines = (schema: z.ZodType): MethodDecorator =>
  applyDecorators(SetMetadata(DOCS.body, schema), SetMetadata(DOCS.bodyLines, true));

/** A header of requests that one of our parameter decorators reads. */
export interface HeaderDocs {
  readonly name: string;
  readonly description: string;
  /** The JSON Schema of its value. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Errors of requests that have it. */
  readonly refusals?: readonly ErrorCode[];
}

const headersRead = new WeakMap<object, HeaderDocs>();

/** Documents the header that the factory of a parameter decorator reads; returns it, for `createParamDecorator`. */
export function readsHeader<F extends object>(header: HeaderDocs, factory: F): F {
  headersRead.set(factory, header);
  return factory;
}

/** The header that was given to `readsHeader` for a factory. */
export const headerReadBy = (factory: object): HeaderDocs | undefined => headersRead.get(factory);

const refusalOfPath = z.registry<{ readonly code: ErrorCode }>();

/**
 * Marks a schema of path parameters: its faults get the error `code` instead of 400, because a path with a malformed id
 * names no resource.
 */
export function pathSchema<S extends z.ZodType>(code: ErrorCode, schema: S): S {
  refusalOfPath.add(schema, { code });
  return schema;
}

/** The code given to `pathSchema` for a schema; null for other schemas. */
export const refusalOf = (schema: object): ErrorCode | null => refusalOfPath.get(schema as z.ZodType)?.code ?? null;

const shownAs = z.registry<{ readonly json: Readonly<Record<string, unknown>> }>();

/**
 * Makes the document show a schema as `json`, because its own JSON Schema would say less: a number in a query is sent
 * as text, and a check in code cannot be expressed in JSON Schema.
 */
export function shown<S extends z.ZodType>(schema: S, json: Readonly<Record<string, unknown>>): S {
  shownAs.add(schema, { json });
  return schema;
}

/** The JSON Schema given to `shown` for a schema; undefined for other schemas. */
export const shownJson = (schema: object): Readonly<Record<string, unknown>> | undefined =>
  shownAs.get(schema as z.ZodType)?.json;
