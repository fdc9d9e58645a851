export { ERRORS, type ErrorCode, type ErrorEntry } from './catalogue.js';
export { openRouterBody, openRouterType } from './openrouter-body.js';
export { errorDocsUri, problemBody, type FieldError, type ProblemBody, type ProblemDetails } from './problem-body.js';
export { fieldErrors, fieldName, pathText, validate, type FieldFault, type Validation } from './field-faults.js';
export { unreachable } from './unreachable.js';
