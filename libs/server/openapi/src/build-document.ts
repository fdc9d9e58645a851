import { isDeepStrictEqual } from 'node:util';
import type { Type } from '@nestjs/common';
import type { z } from 'zod';
import {
  entityTagHeader,
  errorExamples,
  errorReplies,
  rateLimitHeaders,
  replayedHeader,
  replyHeaders,
  requestIdHeader,
} from './error-replies.js';
import { errorShapeAt, type ErrorShape } from './error-shapes.js';
import { exploreControllers, type DescribedRoute } from './explore-controllers.js';
import { toJsonSchema, type ConvertedSchema } from './json-schema.js';
import type { JsonObject, OpenApiDocument, OperationObject, PathItem } from './openapi-document.js';
import { permissionObject, permissionText, securityOf } from './permission-docs.js';
import type { Credential } from './route-docs.js';

/** The part of the public API that one service serves. */
export interface ApiPart {
  readonly title: string;
  /** All groups that its routes name, with their descriptions. */
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  /** The controllers of its public routes. */
  readonly controllers?: readonly Type[];
  /** Routes that no controller serves. */
  readonly routes?: readonly DescribedRoute[];
  /** The form of its errors; by default, what `errorShapeAt` says of each path. */
  readonly errorShape?: (path: string) => ErrorShape;
}

/** What plain forms of pages send. */
const FORM_TYPE = 'application/x-www-form-urlencoded';

const SCHEMES: Readonly<Record<Credential, JsonObject>> = {
  adminSecret: { type: 'http', scheme: 'bearer', description: 'The admin secret of the installation.' },
  apiKey: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key. Inference routes read `x-api-key` as well, and the admin API does not.',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-tollgate_session',
    description:
      "The session of a person who signed in; on http the cookie's name is `tollgate_session`. Methods other than GET " +
      'also need the `csrf_token` of the session in `x-csrf-token`, and an `Origin` or `Sec-Fetch-Site` that says that ' +
      'the page is ours.',
  },
  projectKey: {
    type: 'http',
    scheme: 'basic',
    description: 'A project key: its public key is the user, its secret the password.',
  },
  githubSignature: {
    type: 'apiKey',
    in: 'header',
    name: 'Github-Public-Key-Signature',
    description:
      'The signature of the body by the key that `Github-Public-Key-Identifier` names, one that GitHub publishes: ' +
      'ECDSA on P-256 with SHA-256, in base64.',
  },
};

/**
 * Makes the document of one service. It is called when documents are written, never by a running service.
 * @throws {Error} if a route lacks a decorator that the document needs, or a schema does not accept its example
 */
export function buildDocument({
  title,
  tags,
  controllers = [],
  routes = [],
  errorShape = errorShapeAt,
}: ApiPart): OpenApiDocument {
  const described = [...exploreControllers(controllers), ...routes];
  const schemas = new Components();
  const shapeOf = ({ path }: DescribedRoute): ErrorShape => errorShape(path);
  const shapes = [...new Set(described.map(shapeOf))];
  for (const { schema } of shapes) schemas.convert(schema, 'output');
  const paths: Record<string, PathItem> = {};
  for (const route of described) {
    if (!tags.some(({ name }) => name === route.tag)) throw new Error(`the tag ${route.tag} is not described`);
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route, schemas, shapeOf(route)) };
  }
  const credentials = new Set(described.flatMap((route) => requirementsOf(route).flatMap(credentialsIn)));
  return {
    openapi: '3.1.1',
    info: {
      title,
      version: '1.0.0',
      description:
        'Amounts are strings in decimal USD, and times are RFC 3339 in UTC. Unknown fields of a request are refused.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: '/' }],
    tags,
    paths,
    components: {
      schemas: schemas.sorted(),
      examples: Object.assign(
        {},
        ...shapes.map((shape) =>
          errorExamples(
            described.filter((route) => shapeOf(route) === shape),
            shape,
          ),
        ),
      ) as Record<string, JsonObject>,
      headers: replyHeaders,
      securitySchemes: Object.fromEntries([...credentials].map((each) => [each, SCHEMES[each]])),
    },
  };
}

function operationOf(route: DescribedRoute, schemas: Components, errorShape: ErrorShape): OperationObject {
  const { text, body, permission } = route;
  const told = permission && route.access === null ? [permissionText(permission)] : [];
  const description = [...(text.description === undefined ? [] : [text.description]), ...told].join('\n\n');
  const parameters = [
    ...parametersIn('path', route.params, schemas),
    ...parametersIn('query', route.query, schemas),
    ...(route.headers ?? []).map(({ refusals: _, ...header }) => ({ ...header, in: 'header', required: false })),
  ];
  return {
    operationId: text.id,
    tags: [route.tag],
    summary: text.summary,
    ...(description !== '' && { description }),
    security: requirementsOf(route),
    ...(route.permission && { 'x-permission': permissionObject(route.permission) }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== null && { requestBody: { required: true, content: bodyContent(route, body, schemas) } }),
    responses: { ...usualReplies(route, schemas), ...errorReplies(route, errorShape) },
  };
}

/** What callers must show: one of these. The credential that a route checks itself comes before what the table says. */
function requirementsOf({ access, permission }: DescribedRoute): OperationObject['security'] {
  if (access !== null) return [{ [access.credential]: [] }];
  return permission ? (securityOf(permission) as OperationObject['security']) : [];
}

const credentialsIn = (requirement: OperationObject['security'][number]): Credential[] =>
  Object.keys(requirement) as Credential[];

function usualReplies(
  {
    replies: { schema, statuses, mediaTypes = [] },
    showsVersion = false,
    headers: read = [],
    permission = null,
  }: DescribedRoute,
  schemas: Components,
): Record<string, JsonObject> {
  const others = Object.fromEntries(mediaTypes.map((each) => [each, { schema: { type: 'string' } }]));
  const types = { ...(schema !== null && jsonContent(schema, 'output', schemas)), ...others };
  const content = Object.keys(types).length === 0 ? {} : { content: types };
  const headers = {
    ...requestIdHeader,
    ...(permission !== null && permission.kind !== 'anyone' && rateLimitHeaders),
    ...(showsVersion && entityTagHeader),
    ...(read.some(({ name }) => name === 'idempotency-key') && replayedHeader),
  };
  return Object.fromEntries(
    Object.entries(statuses).map(([status, description]) => [status, { description, headers, ...content }]),
  );
}

const jsonContent = (schema: z.ZodType, io: 'input' | 'output', schemas: Components): JsonObject => ({
  'application/json': { schema: schemas.convert(schema, io) },
});

/** OpenAPI 3.1 has no word for lines: the schema is that of one of them. */
function bodyContent(
  { bodyLines = false, isForm = false }: DescribedRoute,
  schema: z.ZodType,
  schemas: Components,
): JsonObject {
  if (bodyLines) return { 'application/x-ndjson': { schema: schemas.convert(schema, 'input') } };
  return isForm ? { [FORM_TYPE]: { schema: schemas.convert(schema, 'input') } } : jsonContent(schema, 'input', schemas);
}

/** The fields of an object as parameters. */
function parametersIn(place: 'path' | 'query', schema: z.ZodType | null, schemas: Components): JsonObject[] {
  if (schema === null) return [];
  const { properties = {}, required = [] } = schemas.convert(schema, 'input') as {
    properties?: Record<string, JsonObject>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, deprecated, ...json }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description !== undefined && { description }),
    ...(deprecated === true && { deprecated }),
    schema: json,
  }));
}

/** The named schemas of a document. */
class Components {
  readonly #schemas = new Map<string, JsonObject>();

  /** Converts a schema for its place in the document, and keeps the named schemas that it refers to. */
  convert(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
    const converted: ConvertedSchema = toJsonSchema(schema, io);
    for (const [name, component] of Object.entries(converted.components)) keep(this.#schemas, name, component);
    return converted.schema;
  }

  sorted(): Record<string, JsonObject> {
    return Object.fromEntries([...this.#schemas].sort(([one], [other]) => (one < other ? -1 : 1)));
  }
}

/**
 * Joins several documents into one.
 * @throws {Error} if two have the same route, operation id or group, or different schemas with one name
 */
export function joinDocuments(title: string, documents: readonly OpenApiDocument[]): OpenApiDocument {
  const [first] = documents;
  if (first === undefined) throw new Error('there is no document to join');
  const paths = new Map<string, PathItem>();
  const operationIds = new Set<string>();
  for (const [path, item] of documents.flatMap((document) => Object.entries(document.paths))) {
    const joined = { ...paths.get(path) };
    for (const [method, operation] of Object.entries(item) as [keyof PathItem, OperationObject][]) {
      if (joined[method] !== undefined) throw new Error(`two documents have ${method} ${path}`);
      if (operationIds.has(operation.operationId)) throw new Error(`two routes are called ${operation.operationId}`);
      operationIds.add(operation.operationId);
      Object.assign(joined, { [method]: operation });
    }
    paths.set(path, joined);
  }
  return {
    ...first,
    info: { ...first.info, title },
    tags: [...together(documents, ({ tags }) => tags.map((tag) => [tag.name, tag])).values()],
    paths: Object.fromEntries(paths),
    components: {
      schemas: component(documents, 'schemas'),
      examples: component(documents, 'examples'),
      headers: component(documents, 'headers'),
      securitySchemes: component(documents, 'securitySchemes'),
    },
  };
}

const component = (
  documents: readonly OpenApiDocument[],
  kind: keyof OpenApiDocument['components'],
): Record<string, JsonObject> =>
  Object.fromEntries(together(documents, ({ components }) => Object.entries(components[kind])));

function together<T>(
  documents: readonly OpenApiDocument[],
  named: (document: OpenApiDocument) => readonly (readonly [string, T])[],
): Map<string, T> {
  const all = new Map<string, T>();
  for (const [name, value] of documents.flatMap(named)) keep(all, name, value);
  return all;
}

function keep<T>(all: Map<string, T>, name: string, value: T): void {
  const known = all.get(name);
  if (known !== undefined && !isDeepStrictEqual(known, value)) throw new Error(`${name} has two meanings`);
  all.set(name, value);
}
