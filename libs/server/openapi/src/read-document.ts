import { readFileSync } from 'node:fs';
import { joinDocuments } from './build-document.js';
import type { OpenApiDocument } from './openapi-document.js';

/** The services that have a part of the public API. */
export const DOCUMENTED_SERVICES = ['key-management', 'usage-billing', 'secret-scanning', 'gateway'] as const;
/** A service that has a document. */
export type DocumentedService = (typeof DOCUMENTED_SERVICES)[number];

/** The file with the document of a service; a spec of each service writes it. */
export const documentFile = (service: DocumentedService): URL =>
  new URL(`../documents/${service}.json`, import.meta.url);

/** The document of one service, as it was written when this release was made. */
export function readDocument(service: DocumentedService): OpenApiDocument {
  return JSON.parse(readFileSync(documentFile(service), 'utf8')) as OpenApiDocument;
}

/** The document of the whole public API: the documents of all services, joined. */
export const readPublicDocument = (): OpenApiDocument =>
  joinDocuments('Tollgate API', DOCUMENTED_SERVICES.map(readDocument));
