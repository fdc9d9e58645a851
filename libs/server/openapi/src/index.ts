export { buildDocument, joinDocuments, type ApiPart } from './build-document.js';
export { errorShapeAt, type ErrorShape } from './error-shapes.js';
export type { DescribedRoute } from './explore-controllers.js';
export {
  routesOf,
  sortRoutes,
  type OpenApiDocument,
  type OperationObject,
  type RouteName,
} from './openapi-document.js';
export {
  documentFile,
  DOCUMENTED_SERVICES,
  readDocument,
  readPublicDocument,
  type DocumentedService,
} from './read-document.js';
export {
  Admits,
  Operation,
  operationOfRoute,
  pathSchema,
  readsHeader,
  refusalOf,
  repliesOf,
  Refuses,
  Replies,
  shown,
  ShowsVersion,
  Tag,
  TakesBytes,
  TakesForm,
  TakesLines,
  type Credential,
} from './route-docs.js';
export { errorPage, errorsPage } from './pages/error-pages.js';
export { problemPage } from './pages/problem-page.js';
export { referencePage } from './pages/reference-page.js';
export { STYLE } from './pages/style.js';
