import { readDocument, type DocumentedService, type OpenApiDocument } from '@tollgate/openapi';

/** The services behind the gateway that have public paths. */
export const CONTROL_PLANE_SERVICES = [
  'key-management',
  'usage-billing',
  'secret-scanning',
] as const satisfies readonly DocumentedService[];
export type ControlPlaneService = (typeof CONTROL_PLANE_SERVICES)[number];

/** A path of a document and the service that answers it. */
export interface PublicPath {
  readonly service: ControlPlaneService;
  /** `/v1/api-keys/{id}` */
  readonly template: string;
  readonly item: OpenApiDocument['paths'][string];
  /** Matches a path as a client writes it, without its query. */
  readonly pattern: RegExp;
}

/**
 * The paths of one document.
 * @throws {Error} where it has an internal one: the gateway must not lead there
 */
export function pathsOf(service: ControlPlaneService, document: OpenApiDocument): PublicPath[] {
  return Object.entries(document.paths).map(([template, item]) => {
    if (areaOf(template) === '/internal') throw new Error(`${template} of ${service} is not public`);
    return { service, template, item, pattern: patternOf(template) };
  });
}

/**
 * Every public path of the control plane, from the documents of this release. Which services are up does not matter.
 * One prefix may have paths of two services.
 */
export const controlPlanePaths: readonly PublicPath[] = CONTROL_PLANE_SERVICES.flatMap((service) =>
  pathsOf(service, readDocument(service)),
).sort((one, other) => (rankOf(one) < rankOf(other) ? -1 : 1));

/** Puts a name before a parameter in its place, as routers do: the first path that matches is the one that answers. */
function rankOf({ template }: PublicPath): string {
  return template.replace(/\{\w+\}/g, '\uffff');
}

/**
 * The kind of thing that a path is about: `/v1/api-keys` of `/v1/api-keys/{id}`, `/api/v1/keys` of
 * `/api/v1/keys/{hash}`, `/api/public` of all below it, else its first segment.
 */
export function areaOf(path: string): string {
  const [, first = '', second = '', third = ''] = path.split('/');
  if (first === 'api') return /^v\d+$/.test(second) ? `/api/${second}/${third}` : `/api/${second}`;
  return /^v\d+$/.test(first) ? `/${first}/${second}` : `/${first}`;
}

function patternOf(template: string): RegExp {
  const pattern = template.split(/(\{\w+\})/).map((part) => (part.startsWith('{') ? '[^/]+' : literal(part)));
  return new RegExp(`^${pattern.join('')}$`);
}

function literal(text: string): string {
  return text.replace(/[^\w/-]/g, '\\$&');
}
