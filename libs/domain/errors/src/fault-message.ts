import type { z } from 'zod';

/**
 * The message for a zod issue: what the field must be. It never contains the value. Undefined means zod's own message.
 */
export function faultMessage(issue: z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${kind(issue.expected)}`;
    case 'too_small':
      return bound(
        issue.origin,
        'at least',
        issue.inclusive === false ? 'more than' : 'at least',
        issue.minimum,
        issue.exact,
      );
    case 'too_big':
      return bound(
        issue.origin,
        'at most',
        issue.inclusive === false ? 'less than' : 'at most',
        issue.maximum,
        issue.exact,
      );
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return formatMessage(issue);
    case 'invalid_value':
      return issue.input === undefined ? 'is required' : oneOf(issue.values);
    case 'invalid_union':
      return issue.input === undefined ? 'is required' : unionMessage(issue.errors);
    case 'invalid_key':
      return 'has a name that is not allowed';
    case 'invalid_element':
      return 'has an item that is not allowed';
    case 'unrecognized_keys':
      return 'has an unknown field';
    case 'custom':
      return 'is not allowed';
    default:
      return 'is not valid';
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
  date: 'a date',
  nan: 'NaN',
  bigint: 'a whole number',
};

const kind = (expected: string): string => KINDS[expected] ?? `a ${expected}`;

function bound(origin: string, ofLength: string, ofValue: string, limit: number | bigint, exact = false): string {
  const many = limit === 1 || limit === 1n ? '' : 's';
  if (origin === 'string') return `must have ${exact ? 'exactly' : ofLength} ${limit} character${many}`;
  if (origin === 'array' || origin === 'set') return `must have ${exact ? 'exactly' : ofLength} ${limit} item${many}`;
  return `must be ${exact ? 'exactly' : ofValue} ${limit}`;
}

const FORMATS: Readonly<Record<string, string>> = {
  datetime: 'an RFC 3339 date and time, as 2030-01-31T12:00:00Z',
  date: 'a date, as 2030-01-31',
  email: 'an e-mail address',
  url: 'a URL',
  uuid: 'a UUID',
  guid: 'a UUID',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
};

function formatMessage(issue: z.core.$ZodIssueInvalidStringFormat): string {
  const format = FORMATS[issue.format];
  return format === undefined ? 'does not have the form it must have' : `must be ${format}`;
}

function oneOf(values: readonly unknown[]): string {
  const names = values.map((value) => JSON.stringify(value));
  return names.length === 1 ? `must be ${names[0]}` : `must be one of ${names.join(', ')}`;
}

/** "must be a number or a string", if each branch failed only because of the type. */
function unionMessage(branches: readonly (readonly z.core.$ZodIssue[])[]): string {
  const kinds = branches.map(([only, ...others]) =>
    others.length === 0 && only?.code === 'invalid_type' && only.path.length === 0 ? kind(only.expected) : null,
  );
  return kinds.length > 0 && kinds.every((each) => each !== null)
    ? `must be ${[...new Set(kinds)].join(' or ')}`
    : 'has none of the forms that are allowed here';
}
