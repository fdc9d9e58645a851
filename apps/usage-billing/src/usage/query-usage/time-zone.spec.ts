import { describe, expect, it } from 'vitest';
import { isTimeZone } from './time-zone.js';

describe('F3: the name of a time zone', () => {
  it.each([...Intl.supportedValuesOf('timeZone'), 'UTC', 'Etc/GMT+3', 'US/Pacific', 'EST5EDT', 'europe/berlin'])(
    'is %s',
    (name) => {
      expect(isTimeZone(name)).toBe(true);
    },
  );
  it.each([
    ...['UTC+3', 'GMT-5', '+03:00', '-0300', 'Z', 'Berlin', 'Europe/Berlin2', 'Europe/', '', ' UTC', 'UTC '],
    ...['UTC\n', "UTC'; DROP TABLE x", 'Europe/Berlin/East/West', '<UTC+3>-3', 'localtime', 'posixrules', '1'],
  ])('is not %j', (name) => {
    expect(isTimeZone(name)).toBe(false);
  });
});
