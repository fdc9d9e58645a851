import { applyDecorators, HttpCode, SerializeOptions, SetMetadata } from '@nestjs/common';
import type { ErrorCode } from '@tollgate/errors';
import { z } from 'zod';

/** How a caller shows who it is; each is a security scheme of the document. */
export type Credential = 'adminSecret' | 'apiKey' | 'githubSignature';

/** What a route does, in words. */
export interface OperationText {
  /** Unique among all services: clients name their functions after it. */
  readonly id: string;
  /** A few words without a full stop. */
  readonly summary: string;
  /** Whole sentences, in Markdown. */
  readonly description?: string;
}

/** What a route answers where it refuses nothing. */
export interface RouteReplies {
  /** Null where the reply has no body. */
  readonly schema: z.ZodType | null;
  /** What each status says. The first, in numerical order, is the usual one. */
  readonly statuses: Readonly<Record<number, string>>;
  /** Those that a reply may have beside JSON. Their content has no schema. */
  readonly mediaTypes?: readonly string[];
}

/** How a route or a guard lets callers in, and how it refuses the others. */
export interface Access {
  readonly credential: Credential;
  readonly refusals: readonly ErrorCode[];
}

/** Under which names Nest keeps what the decorators below say. */
export const DOCS = {
  access: 'tollgate:access',
  body: 'tollgate:body',
  operation: 'tollgate:operation',
  refusals: 'tollgate:refusals',
  replies: 'tollgate:replies',
  tag: 'tollgate:tag',
} as const;

/** Names the group of routes that a controller belongs to; the document's part describes it. */
export const Tag = (name: string): ClassDecorator => SetMetadata(DOCS.tag, name);

/** Says what a handler does. */
export const Operation = (text: OperationText): MethodDecorator => SetMetadata(DOCS.operation, text);

/**
 * Says what a handler answers. One schema is the document's, and what the serializer lets out: a field that it does not
 * name never leaves.
 *
 * @example
 * @Delete(':id')
 * @Replies(deletedKeyReply, { 200: 'Every gateway knows it.', 202: 'Some gateways are still being told.' })
 */
export function Replies(schema: z.ZodType | null, statuses: Readonly<Record<number, string>>): MethodDecorator {
  const usual = Number(Object.keys(statuses)[0]);
  const docs = SetMetadata(DOCS.replies, { schema, statuses } satisfies RouteReplies);
  return schema === null
    ? applyDecorators(HttpCode(usual), docs)
    : applyDecorators(HttpCode(usual), SerializeOptions({ schema }), docs);
}

/**
 * Names the errors of the catalogue that a handler, or a guard, itself refuses with. A handler need not name those of
 * its guards, of its body and of every server: they are in its document without it.
 */
export const Refuses = (...codes: ErrorCode[]): MethodDecorator & ClassDecorator => SetMetadata(DOCS.refusals, codes);

/** On a guard, or on a controller that no guard protects: what callers show, and how they are refused without it. */
export const Admits = (credential: Credential, ...refusals: ErrorCode[]): ClassDecorator =>
  SetMetadata(DOCS.access, { credential, refusals } satisfies Access);

/** Documents the body of a handler that takes it as bytes, and must: a signature is checked over them. */
export const TakesBytes = (schema: z.ZodType): MethodDecorator => SetMetadata(DOCS.body, schema);

/** A header of requests that a parameter decorator of ours reads. */
export interface HeaderDocs {
  readonly name: string;
  readonly description: string;
  /** JSON Schema. */
  readonly schema: Readonly<Record<string, unknown>>;
}

const headersRead = new WeakMap<object, HeaderDocs>();

/** Documents the header that the factory of a parameter decorator reads; returns it, for `createParamDecorator`. */
export function readsHeader<F extends object>(header: HeaderDocs, factory: F): F {
  headersRead.set(factory, header);
  return factory;
}

/** What `readsHeader` was told of a factory. */
export const headerReadBy = (factory: object): HeaderDocs | undefined => headersRead.get(factory);

const refusalOfPath = z.registry<{ readonly code: ErrorCode }>();

/**
 * A schema of path parameters whose faults are answered with `code` instead of 400: a path with an id that nothing can
 * have names nothing.
 */
export function pathSchema<S extends z.ZodType>(code: ErrorCode, schema: S): S {
  refusalOfPath.add(schema, { code });
  return schema;
}

/** The code of `pathSchema`; null for other schemas. */
export const refusalOf = (schema: object): ErrorCode | null => refusalOfPath.get(schema as z.ZodType)?.code ?? null;

const shownAs = z.registry<{ readonly json: Readonly<Record<string, unknown>> }>();

/**
 * A schema that the document shows as `json`, because its own says less: a number in a query is written as text, and a
 * check in code has no form in JSON Schema.
 */
export function shown<S extends z.ZodType>(schema: S, json: Readonly<Record<string, unknown>>): S {
  shownAs.add(schema, { json });
  return schema;
}

/** The JSON Schema of `shown`; undefined for other schemas. */
export const shownJson = (schema: object): Readonly<Record<string, unknown>> | undefined =>
  shownAs.get(schema as z.ZodType)?.json;
