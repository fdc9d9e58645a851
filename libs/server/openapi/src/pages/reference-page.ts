import { METHODS, type JsonObject, type OpenApiDocument, type OperationObject } from '../openapi-document.js';
import { errorPath, escaped, htmlPage, inline, markdown } from './html.js';
import { fieldView, schemaView, typeText } from './schema-view.js';

interface PlacedOperation {
  readonly method: string;
  readonly path: string;
  readonly operation: OperationObject;
}

/** The reference of an API as a page without a script: what its document says, and a call of `curl` for each route. */
export function referencePage(document: OpenApiDocument): string {
  const operations = operationsOf(document);
  const title = String(document.info['title']);
  return htmlPage(
    title,
    [
      `<h1>${escaped(title)}</h1>`,
      markdown(String(document.info['description'] ?? '')),
      markdown(VARIABLES),
      ...document.tags.map(({ name, description }) => {
        const own = operations.filter(({ operation }) => operation.tags[0] === name);
        return own.length === 0 ? '' : contents(name, description, own);
      }),
      ...operations.map((each) => operationView(document, each)),
      '<h2 id="schemas">Schemas</h2>',
      ...Object.entries(document.components.schemas).map(([name, schema]) => componentView(name, schema)),
    ].join('\n'),
  );
}

const operationsOf = ({ paths }: OpenApiDocument): PlacedOperation[] =>
  Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [{ method: method.toUpperCase(), path, operation }];
    }),
  );

const contents = (name: string, description: string, operations: readonly PlacedOperation[]): string =>
  `<h2>${escaped(name)}</h2>${markdown(description)}<ul class="plain">${operations
    .map(
      ({ method, path, operation }) =>
        `<li><a href="#${escaped(operation.operationId)}"><span class="method">${method}</span> ${escaped(path)}</a> ${inline(operation.summary)}</li>`,
    )
    .join('')}</ul>`;

function operationView(document: OpenApiDocument, placed: PlacedOperation): string {
  const { method, path, operation } = placed;
  return `<section id="${escaped(operation.operationId)}">
<h2>${inline(operation.summary)}</h2>
<p><code><span class="method">${method}</span> ${escaped(path)}</code></p>
${markdown(operation.description ?? '')}
${parametersView(operation.parameters ?? [])}
${bodyView(document, operation)}
<h3>Example</h3>
<pre tabindex="0">${escaped(curlOf(document, placed))}</pre>
<h3>Replies</h3>
${Object.entries(operation.responses)
  .map(([status, response]) => responseView(document, status, response))
  .join('\n')}
</section>`;
}

function parametersView(parameters: readonly JsonObject[]): string {
  if (parameters.length === 0) return '';
  const views = parameters.map((each) => {
    const remarks = [String(each['in']), each['required'] === true ? 'required' : 'optional'];
    if (each['deprecated'] === true) remarks.push('deprecated');
    return fieldView(
      String(each['name']),
      (each['schema'] ?? {}) as JsonObject,
      remarks.join(', '),
      each['description'] ?? '',
    );
  });
  return `<h3>Parameters</h3><dl>${views.join('')}</dl>`;
}

function bodyView(document: OpenApiDocument, operation: OperationObject): string {
  const schema = schemaIn(operation.requestBody);
  if (schema === null) return '';
  return `<h3>Body</h3><p>${typeText(schema)}</p>${schemaView(resolved(document, schema))}`;
}

function responseView(document: OpenApiDocument, status: string, response: JsonObject): string {
  const codes = Object.values((response['content'] ?? {}) as Record<string, JsonObject>).flatMap((content) =>
    Object.keys((content['examples'] ?? {}) as object),
  );
  if (Number(status) >= 400)
    return `<p><strong>${status}</strong> ${codes.map((code) => `<a href="${errorPath(escaped(code))}"><code>${escaped(code)}</code></a>`).join(' ')}</p>`;
  const schema = schemaIn(response);
  const example = schema === null ? undefined : exampleOf(document, schema);
  return `<p><strong>${status}</strong> ${inline(String(response['description']))} ${schema === null ? '' : typeText(schema)}</p>${
    example === undefined ? '' : `<pre tabindex="0">${escaped(JSON.stringify(example, null, 2))}</pre>`
  }`;
}

const componentView = (name: string, schema: JsonObject): string =>
  `<details id="schema-${encodeURIComponent(name)}" open><summary><code>${escaped(name)}</code></summary>${schemaView(schema)}</details>`;

function schemaIn(message: JsonObject | undefined): JsonObject | null {
  const content = (message?.['content'] ?? {}) as Record<string, { schema?: JsonObject }>;
  return content['application/json']?.schema ?? null;
}

function resolved(document: OpenApiDocument, schema: JsonObject): JsonObject {
  const name = typeof schema['$ref'] === 'string' ? schema['$ref'].split('/').at(-1) : undefined;
  return (name === undefined ? undefined : document.components.schemas[name]) ?? schema;
}

const exampleOf = (document: OpenApiDocument, schema: JsonObject): unknown =>
  (resolved(document, schema)['examples'] as readonly unknown[] | undefined)?.[0];

/** The options of `curl` that send a credential: the session where only people may, else a bearer. */
function credentialLines(method: string, { security }: OperationObject): string[] {
  const schemes = security.flatMap((each) => Object.keys(each));
  if (schemes.some((scheme) => BEARERS.includes(scheme))) return [`-H "authorization: Bearer $TOLLGATE_SECRET"`];
  if (!schemes.includes('session')) return [];
  const cookie = '-b "$SESSION_COOKIE"';
  return method === 'GET' ? [cookie] : [cookie, '-H "x-csrf-token: $CSRF_TOKEN"', '-H "origin: $TOLLGATE_URL"'];
}

const VARIABLES =
  'The examples read shell variables: `TOLLGATE_URL` is the address of this installation, `TOLLGATE_SECRET` the admin ' +
  'secret or an API key that may do it. Where only a person may, `SESSION_COOKIE` is the cookie of a session as ' +
  '`name=value`, and `CSRF_TOKEN` is its `csrf_token`. `ID` is the id in the path.';
const BEARERS = ['adminSecret', 'apiKey'];

/** A call that a shell takes as it stands, once the variables are set. */
function curlOf(document: OpenApiDocument, { method, path, operation }: PlacedOperation): string {
  const address = `"$TOLLGATE_URL${path.replace(/\{(\w+)\}/g, (_all, name: string) => `$${name.toUpperCase()}`)}"`;
  const lines = [`curl${method === 'GET' ? '' : ` -X ${method}`} ${address}`];
  lines.push(...credentialLines(method, operation));
  const schema = schemaIn(operation.requestBody);
  const example = schema === null ? undefined : exampleOf(document, schema);
  if (schema !== null) {
    lines.push(`-H 'content-type: application/json'`);
    lines.push(`-d '${JSON.stringify(example ?? {}).replaceAll("'", `'\\''`)}'`);
  }
  return lines.join(' \\\n  ');
}
