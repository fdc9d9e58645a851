import { unreachable } from '@tollgate/errors';
import { valueAt } from '../../json-scan/values.js';
import type { Span } from '../../json-scan/json-tokens.js';
import { refuse, type Refusal } from '../../request-path/exchange/refusal.js';
import { OTHERS_MAX } from './body-scan.js';
import type { ScanFault } from './field-table.js';
import { isModelName } from '@tollgate/access';

/** The refusal that tells the caller the fault of a body. */
export function refusalOf(fault: ScanFault): Refusal {
  switch (fault.kind) {
    case 'not_json':
      return refuse('invalid_json', {
        message: `The body is not valid JSON, nested deeper than 64, or has a number of thousands of digits: see byte ${fault.at}.`,
      });
    case 'odd_name':
      return refuse('invalid_request', {
        message: `The name of a field has a character that cannot be seen, or bytes that are no UTF-8: see byte ${fault.at}.`,
      });
    case 'many_unknown':
      return refuse('invalid_request', {
        message: `The body may have at most ${OTHERS_MAX} fields that are not known.`,
      });
    case 'not_object':
      return refuse('invalid_request', { message: 'The body must be a JSON object.' });
    case 'ambiguous':
      return refuse('invalid_request', {
        message: `The field ${fault.field} must be given once, and its name spelt in lower case as it stands here, without escapes.`,
        param: fault.field,
      });
    case 'too_long':
      return refuse('invalid_request', {
        message: `The value of the field ${fault.field} is too long.`,
        param: fault.field,
      });
    case 'long_name':
      return refuse('invalid_request', { message: 'The name of a field may have at most 1024 bytes.' });
    default:
      return unreachable(fault);
  }
}

/** The model that a body names; null if it is missing or invalid. */
export function modelNameAt(body: Buffer, span: Span | null): string | null {
  const model = span === null ? undefined : valueAt(body, span);
  return isModelName(model) ? model : null;
}

/** The refusal of a body without a valid model name. */
export const NO_MODEL_NAME = refuse('invalid_request', {
  message: 'The field model must be a string of 1 to 200 characters, none of them a control character.',
  param: 'model',
});

/**
 * The refusal of a request with an id that the provider gave out: all organisations share the provider's account, and
 * it is not recorded to whom such an id belongs. `hint` says more of what to do instead.
 */
export function namesProviderId(param: string, hint = ''): Refusal {
  return refuse('invalid_request', {
    message: `The field ${param} names something that is kept at the provider. Send the content in the request itself.${hint}`,
    param,
  });
}
