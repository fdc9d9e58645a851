/** An object of an OpenAPI document. */
export type Json = Readonly<Record<string, unknown>>;

/** A parameter of a documented route. */
export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: Json;
}

/** A route as the document has it. */
export interface Documented {
  readonly id: string;
  readonly method: string;
  readonly template: string;
  readonly parameters: readonly Parameter[];
  /** The schema of its JSON body; null if it takes none. */
  readonly body: Json | null;
  readonly responses: Readonly<Record<string, Json>>;
}

/** The parts of a document that are read here. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly components: Json;
}

/** The routes of a document that answer problems: all but those of inference, which have suites of their own. */
export function routesToFuzz(document: ApiDocument): Documented[] {
  return Object.entries(document.paths).flatMap(([template, item]) =>
    Object.entries(item).flatMap(([method, operation]) => {
      const responses = operation['responses'] as Record<string, Json>;
      if (!('application/problem+json' in contentOf(responses['400'] ?? {}))) return [];
      const content = contentOf((operation['requestBody'] ?? {}) as Json);
      return {
        id: operation['operationId'] as string,
        method: method.toUpperCase(),
        template,
        parameters: (operation['parameters'] ?? []) as Parameter[],
        body: content['application/json']?.schema ?? null,
        responses,
      };
    }),
  );
}

/** The content of a request or reply by media type. */
export const contentOf = (message: Json): Record<string, { schema?: Json }> =>
  (message['content'] ?? {}) as Record<string, { schema?: Json }>;
