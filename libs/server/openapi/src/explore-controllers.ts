import { PERMISSIONS, type Permission } from '@tollgate/access';
import { RequestMethod, type Type } from '@nestjs/common';
import { GUARDS_METADATA, METHOD_METADATA, PATH_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { ErrorCode } from '@tollgate/errors';
import type { z } from 'zod';
import { METHODS, type Method } from './openapi-document.js';
import {
  DOCS,
  headerReadBy,
  refusalOf,
  type Access,
  type AdminOperationText,
  type HeaderDocs,
  type OperationText,
  type RouteReplies,
} from './route-docs.js';

/** One route with everything that its document needs. A controller may serve it, or other code. */
export interface DescribedRoute {
  readonly method: Method;
  /** A path template, such as `/v1/api-keys/{id}`. */
  readonly path: string;
  readonly text: OperationText;
  readonly tag: string;
  /** Who may call it; null for a route that the table of permissions does not have, which says it by `access`. */
  readonly permission?: Permission | null;
  /** What the table does not say: the credential of an inference route, or the signature of a webhook. */
  readonly access: Access | null;
  readonly body: z.ZodType | null;
  /** Whether the body is that of a plain form, and no JSON. */
  readonly isForm?: boolean;
  /** Whether the body is lines of JSON, each by that schema. */
  readonly bodyLines?: boolean;
  readonly query: z.ZodType | null;
  readonly params: z.ZodType | null;
  /** Optional headers of the request, without its credential. */
  readonly headers?: readonly HeaderDocs[];
  readonly replies: RouteReplies;
  /** Whether the usual replies have an `ETag`. */
  readonly showsVersion?: boolean;
  /** The error codes that the handler itself refuses with. */
  readonly refusals: readonly ErrorCode[];
}

/**
 * Reads the routes of Nest controllers from their decorators, without instantiating anything.
 * @throws {Error} that names a route without `@Operation` or `@Replies`, or a controller without `@Tag`
 */
export function exploreControllers(controllers: readonly Type[]): DescribedRoute[] {
  return controllers.flatMap((controller) =>
    Object.getOwnPropertyNames(controller.prototype)
      .filter((name) => Reflect.hasMetadata(METHOD_METADATA, handlerOf(controller, name)))
      .map((name) => exploreHandler(controller, name)),
  );
}

const handlerOf = (controller: Type, name: string): object =>
  (Object.getOwnPropertyDescriptor(controller.prototype, name)?.value ?? {}) as object;

function exploreHandler(controller: Type, name: string): DescribedRoute {
  const handler = handlerOf(controller, name);
  const where = `${controller.name}.${name}`;
  const args = argumentsOf(controller, name);
  const refusals = [handler, ...guardsOf(controller, handler)].flatMap(
    (each) => metadata<ErrorCode[]>(DOCS.refusals, each) ?? [],
  );
  const headers = headersOf(controller, name);
  const ofPath = [args.param].flatMap((schema) => (schema === undefined ? [] : (refusalOf(schema) ?? [])));
  return {
    method: methodOf(handler, where),
    path: templateOf(metadata<string>(PATH_METADATA, controller) ?? '', metadata<string>(PATH_METADATA, handler) ?? ''),
    text: needed<OperationText>(DOCS.operation, handler, where),
    tag: needed<string>(DOCS.tag, controller, controller.name),
    permission: permissionOf(needed<AdminOperationText>(DOCS.operation, handler, where)),
    access: accessOf(controller, handler),
    body: args.body ?? metadata<z.ZodType>(DOCS.body, handler) ?? null,
    isForm: metadata<true>(DOCS.form, handler) ?? false,
    bodyLines: metadata<true>(DOCS.bodyLines, handler) ?? false,
    query: args.query ?? null,
    params: args.param ?? null,
    headers,
    replies: needed<RouteReplies>(DOCS.replies, handler, where),
    showsVersion: metadata<true>(DOCS.version, handler) ?? false,
    refusals: [...refusals, ...ofPath, ...headers.flatMap((each) => each.refusals ?? [])],
  };
}

const metadata = <T>(key: string, target: object): T | undefined => Reflect.getMetadata(key, target) as T | undefined;

function needed<T>(key: string, target: object, where: string): T {
  const value = metadata<T>(key, target);
  if (value === undefined) throw new Error(`${where} has no decorator for ${key}, and the document needs it`);
  return value;
}

function methodOf(handler: object, where: string): Method {
  const name = RequestMethod[metadata<number>(METHOD_METADATA, handler) ?? RequestMethod.GET]?.toLowerCase();
  const method = METHODS.find((each) => each === name);
  if (method === undefined) throw new Error(`${where} takes ${name}, which documents of ours do not have`);
  return method;
}

/** Joins `v1/api-keys` and `:id/revoke` to `/v1/api-keys/{id}/revoke`. */
function templateOf(...parts: string[]): string {
  const segments = parts.flatMap((part) => part.split('/')).filter((segment) => segment !== '');
  return `/${segments.join('/')}`.replace(/:(\w+)/g, '{$1}');
}

const permissionOf = ({ id }: AdminOperationText): Permission => PERMISSIONS[id];

const guardsOf = (controller: Type, handler: object): object[] =>
  [handler, controller].flatMap((target) => metadata<object[]>(GUARDS_METADATA, target) ?? []);

/** The `@Admits` of the controller, else of the first guard of the handler or the controller that has one. */
function accessOf(controller: Type, handler: object): Access | null {
  const told = [controller, ...guardsOf(controller, handler)].map((each) => metadata<Access>(DOCS.access, each));
  return told.find((access) => access !== undefined) ?? null;
}

const ARGUMENTS = {
  [RouteParamtypes.BODY]: 'body',
  [RouteParamtypes.QUERY]: 'query',
  [RouteParamtypes.PARAM]: 'param',
} as const;

interface ArgumentMetadata {
  readonly schema?: z.ZodType;
  /** The factory of a parameter decorator that is not Nest's. */
  readonly factory?: object;
}

const argumentsMetadata = (controller: Type, name: string): Record<string, ArgumentMetadata> =>
  (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) ?? {}) as Record<string, ArgumentMetadata>;

/** The schemas of a handler's arguments. */
function argumentsOf(controller: Type, name: string): Partial<Record<'body' | 'query' | 'param', z.ZodType>> {
  return Object.fromEntries(
    Object.entries(argumentsMetadata(controller, name)).flatMap(([key, { schema }]) => {
      const kind = ARGUMENTS[Number(key.split(':')[0]) as keyof typeof ARGUMENTS];
      return kind === undefined || schema === undefined ? [] : [[kind, schema]];
    }),
  );
}

/** The headers that a handler's arguments are read from. */
function headersOf(controller: Type, name: string): HeaderDocs[] {
  return Object.values(argumentsMetadata(controller, name)).flatMap(({ factory }) =>
    factory === undefined ? [] : (headerReadBy(factory) ?? []),
  );
}
