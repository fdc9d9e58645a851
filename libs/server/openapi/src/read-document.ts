import { readFileSync } from 'node:fs';
import { joinDocuments } from './build-document.js';
import type { OpenApiDocument } from './openapi-document.js';

/** The services that have a part of the public API. */
export const DOCUMENTED_SERVICES = ['key-management', 'usage-billing', 'secret-scanning', 'gateway'] as const;
export type DocumentedService = (typeof DOCUMENTED_SERVICES)[number];

/** The file that has the document of a service; each service has a spec that writes it. */
export const documentFile = (service: DocumentedService): URL =>
  new URL(`../documents/${service}.json`, import.meta.url);

/** The document of one service, as it was written when this release was made. */
export function readDocument(service: DocumentedService): OpenApiDocument {
  return JSON.parse(readFileSync(documentFile(service), 'utf8')) as OpenApiDocument;
}

/** The whole public API: what the public origin serves, whichever services are up. */
export const readPublicDocument = (): OpenApiDocument =>
  joinDocuments('Tollgate API', DOCUMENTED_SERVICES.map(readDocument));
