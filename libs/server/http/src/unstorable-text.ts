import { fieldName, pathText, type FieldError } from '@tollgate/errors';

/** JSON has both only as escapes: a raw NUL is no JSON, and half of a surrogate pair no UTF-8. */
const SUSPICIOUS_JSON = /\\u0000|\\u[dD][89a-fA-F]/;
const ILL_FORMED = /\p{Surrogate}/u;
/** Who sends more of them than this is helped by the first ones. */
const FAULTS_MAX = 20;
/** No request of ours is nested deeper; the path of a fault below has only its beginning. */
const PATH_PARTS_MAX = 16;

/** A value within another one. */
interface Place {
  readonly value: unknown;
  readonly part: string | number;
  readonly parent: Place | null;
  readonly depth: number;
}

/** Whether a JSON text may have a value that PostgreSQL cannot store. */
export const maySpellUnstorable = (json: string): boolean => SUSPICIOUS_JSON.test(json);

/**
 * Finds texts that neither UTF-8 nor PostgreSQL can hold, at any depth: with NUL, or with half of a surrogate pair. The
 * database would answer them with an error that reads as a fault of ours. Without recursion, so that nesting cannot
 * exhaust the stack.
 */
export function unstorableTexts(whole: unknown): FieldError[] {
  const faults: FieldError[] = [];
  const open: Place[] = [{ value: whole, part: '', parent: null, depth: 0 }];
  for (let place = open.pop(); place !== undefined && faults.length < FAULTS_MAX; place = open.pop()) {
    const { value } = place;
    const parent = place;
    const depth = place.depth + 1;
    if (typeof value === 'string') {
      const message = faultOf(value);
      if (message !== null) faults.push({ path: pathOf(place), message });
    } else if (Array.isArray(value)) {
      value.forEach((each: unknown, part) => open.push({ value: each, part, parent, depth }));
    } else if (typeof value === 'object' && value !== null) {
      for (const [part, each] of Object.entries(value)) {
        const message = faultOf(part);
        if (message === null) open.push({ value: each, part, parent, depth });
        // The name itself cannot be repeated: it is what is at fault.
        else faults.push({ path: pathOf(place), message: `has a field whose name ${message}` });
      }
    }
  }
  return faults;
}

function pathOf(place: Place): string {
  const parts: (string | number)[] = [];
  for (let at: Place | null = place; at !== null && at.parent !== null; at = at.parent) {
    if (at.depth <= PATH_PARTS_MAX) parts.unshift(typeof at.part === 'number' ? at.part : fieldName(at.part));
  }
  return pathText(parts);
}

function faultOf(text: string): string | null {
  if (text.includes('\0')) return 'must have no NUL characters';
  return ILL_FORMED.test(text) ? 'must be well-formed Unicode text' : null;
}
