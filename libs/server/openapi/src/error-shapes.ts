import { ERRORS, openRouterBody, problemBody, type ErrorCode, type FieldError } from '@tollgate/errors';
import { z } from 'zod';

/** What a reply says of one refusal, besides its code. */
interface RefusalDetails {
  /** What went wrong this time. It has no value of the request. */
  readonly detail?: string | undefined;
  readonly errors?: readonly FieldError[] | undefined;
  readonly requestId?: string | undefined;
}

/** The form of the refusals of some paths, in replies and in the document. */
export interface ErrorShape {
  readonly mediaType: string;
  /** The schema of the body. Its `id` is the name of the component. */
  readonly schema: z.ZodType;
  /** Added to the code in the names of examples: each shape has its own examples, and the documents are joined. */
  readonly exampleSuffix: string;
  /** The body of one refusal. */
  body(code: ErrorCode, about?: RefusalDetails): object;
}

const codes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];
const code = z.enum(codes).describe('A code of the catalogue of errors.');

/** Problems (RFC 9457): the refusals of all routes except those that copy another product. */
const PROBLEMS: ErrorShape = {
  mediaType: 'application/problem+json',
  schema: z
    .object({
      type: z.string().describe('A link to the page of the code.'),
      title: z.string().describe('The same for each refusal with this code.'),
      status: z.int().min(400).max(599),
      code,
      detail: z.string().optional().describe('What is wrong this time.'),
      errors: z
        .array(z.object({ path: z.string().describe('`models[0]`; empty for the whole.'), message: z.string() }))
        .optional()
        .describe('Each field that is at fault.'),
      request_id: z.string().optional(),
    })
    .meta({ id: 'Problem', description: 'A refusal (RFC 9457).' }),
  exampleSuffix: '',
  body: (each, { detail, errors, requestId } = {}) =>
    problemBody(each, {
      ...(detail !== undefined && { detail }),
      ...(errors !== undefined && { errors }),
      ...(requestId !== undefined && { requestId }),
    }),
};

/** What a refusal says in one text: what went wrong this time, and each field at fault. */
function textOf(each: ErrorCode, { detail, errors = [] }: RefusalDetails = {}): string {
  const faults = errors.map(({ path, message }) => (path === '' ? message : `${path} ${message}`));
  return [detail ?? ERRORS[each].message, ...(faults.length === 0 ? [] : [`${faults.join('; ')}.`])].join(' ');
}

/** The refusals below `/api/v1`, as clients of OpenRouter read them. */
const OPENROUTER: ErrorShape = {
  mediaType: 'application/json',
  schema: z
    .object({
      error: z.object({
        code: z.int().describe('The status.'),
        message: z.string(),
        metadata: z
          .looseObject({
            error_type: z.string().describe("OpenRouter's name for the kind of error."),
            code: code.optional(),
            param: z.string().optional().describe('The field that is at fault.'),
          })
          .optional(),
      }),
    })
    .meta({ id: 'OpenRouterError', description: 'A refusal in the shape of OpenRouter.' }),
  exampleSuffix: '.openrouter',
  body: (each, about) => openRouterBody(each, { message: textOf(each, about) }),
};

/** The refusals below `/api/public`, as the SDKs of Langfuse read them. */
const LANGFUSE: ErrorShape = {
  mediaType: 'application/json',
  schema: z
    .object({ message: z.string() })
    .meta({ id: 'LangfuseError', description: 'A refusal in the shape of Langfuse.' }),
  exampleSuffix: '.langfuse',
  body: (each, about) => ({ message: textOf(each, about) }),
};

const BELOW: readonly (readonly [prefix: string, shape: ErrorShape])[] = [
  ['/api/v1', OPENROUTER],
  ['/api/public', LANGFUSE],
];

/**
 * The form of refusals at a path, whoever refuses: guards, handlers, or the server itself. Inference routes, some of
 * which are below `/api/v1`, answer before this is asked, each in the form of its dialect.
 */
export function errorShapeAt(path: string): ErrorShape {
  return BELOW.find(([prefix]) => path === prefix || path.startsWith(`${prefix}/`))?.[1] ?? PROBLEMS;
}
