import { describe, expect, it } from 'vitest';
import { commonTableSql, tenantTableSql } from './tenant-tables.js';

describe('the rights on a table', () => {
  it.each(['ALL', 'SELECT, TRUNCATE', 'references', 'INSERT, TRIGGER'])('are never %s', (rights) => {
    expect(() => commonTableSql({ schema: 'keys', table: 'thing', service: rights })).toThrow('no role of a service');
    expect(() => tenantTableSql({ schema: 'keys', table: 'thing', allTenants: rights })).toThrow(
      'no role of a service',
    );
  });
  it('are none if none are named', () => {
    expect(commonTableSql({ schema: 'keys', table: 'thing' })).toEqual([]);
  });
});
