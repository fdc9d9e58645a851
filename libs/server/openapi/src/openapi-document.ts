/** An object of a document. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The methods that our paths may have, in lower case. */
export const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
/** A method of HTTP in the spelling of OpenAPI. */
export type Method = (typeof METHODS)[number];

/** One route of a document. */
export interface OperationObject {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  /** Empty if the route needs no credential. */
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  /** Who may call it, for programs; absent for routes that no table of permissions has. */
  readonly 'x-permission'?: JsonObject;
  readonly parameters?: readonly JsonObject[];
  readonly requestBody?: JsonObject;
  readonly responses: Readonly<Record<string, JsonObject>>;
}

/** The routes of one path template, such as `/v1/api-keys/{id}`. */
export type PathItem = Readonly<Partial<Record<Method, OperationObject>>>;

/** The parts of an OpenAPI 3.1 document that our documents use. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: JsonObject;
  readonly servers: readonly JsonObject[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonObject>>;
    readonly examples: Readonly<Record<string, JsonObject>>;
    readonly headers: Readonly<Record<string, JsonObject>>;
    readonly securitySchemes: Readonly<Record<string, JsonObject>>;
  };
}

/** A route of a server or of a document: a method in capitals and a path template with `{name}`. */
export interface RouteName {
  readonly method: string;
  readonly path: string;
}

/** The routes that a document has, sorted. */
export function routesOf(document: OpenApiDocument): RouteName[] {
  return sortRoutes(
    Object.entries(document.paths).flatMap(([path, item]) =>
      METHODS.filter((method) => item[method] !== undefined).map((method) => ({ method: method.toUpperCase(), path })),
    ),
  );
}

/** Sorts routes by path, then by method, so that lists of routes can be compared. */
export function sortRoutes(routes: readonly RouteName[]): RouteName[] {
  const text = ({ path, method }: RouteName): string => `${path} ${method}`;
  return [...routes].sort((one, other) => (text(one) < text(other) ? -1 : 1));
}
