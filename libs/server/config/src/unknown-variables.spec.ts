import { describe, expect, it } from 'vitest';
import { TOLLGATE_VARIABLES, unknownVariables } from './unknown-variables.js';

const read = [
  'TOLLGATE_PORT',
  'TOLLGATE_OPERATIONS_PORT',
  'TOLLGATE_HOST',
  'TOLLGATE_DATA',
  'TOLLGATE_ADMIN_SECRET',
  'TOLLGATE_CONFIG',
  'DATABASE_URL',
  'TOLLGATE_PROVIDER_KEY',
];
const unknownIn = (...names: string[]) => unknownVariables(Object.fromEntries(names.map((name) => [name, 'x'])), read);

describe('a variable that nobody reads', () => {
  it.each([
    ['TOLLGATE_PROT', 'TOLLGATE_PORT'],
    ['TOLLGATE_PORTS', 'TOLLGATE_PORT'],
    ['TOLLGATE_OPERATION_PORT', 'TOLLGATE_OPERATIONS_PORT'],
    ['TOLLGATE_ADMIN_SECERT', 'TOLLGATE_ADMIN_SECRET'],
    ['TOLLGATE_DATA_', 'TOLLGATE_DATA'],
    ['TOLLGATE_Data', 'TOLLGATE_DATA'],
    ['TOLLGATE_CONFIGURATION', 'TOLLGATE_CONFIG'],
  ])('is named with the nearest that is read: %s', (name, nearest) => {
    expect(unknownIn(name)).toEqual([{ name, nearest }]);
  });

  it('is none that this process, another part of Tollgate, or a credential of config.yaml goes by', () => {
    expect(unknownIn(...read, ...TOLLGATE_VARIABLES)).toEqual([]);
  });

  it('is none of anybody else', () => {
    expect(unknownIn('PATH', 'TOLLGATE', 'MY_TOLLGATE_PORT', 'DATABASE_URI')).toEqual([]);
  });

  it('is said once each, in order, whatever it holds', () => {
    expect(
      unknownVariables({ TOLLGATE_Z: '', TOLLGATE_A: undefined, TOLLGATE_HOSTS: '1' }, read).map(({ name }) => name),
    ).toEqual(['TOLLGATE_A', 'TOLLGATE_HOSTS', 'TOLLGATE_Z']);
  });
});
