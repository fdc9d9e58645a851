import { expect, it } from 'vitest';
import { AUDIT_PAGES, listAuditLogsRequest, VERIFICATION_PAGES } from './audit-logs.request.js';

const asked = { organizationId: 'default' };
const HASH = '0'.repeat(64);

it('takes a verification up again at every place where a call can end', () => {
  for (const position of [
    ['changes', '10000', HASH],
    ['refusals', '0', HASH],
  ] as const)
    expect(VERIFICATION_PAGES.positionOf(VERIFICATION_PAGES.cursorOf([...position], asked), asked)).toEqual(position);
});

it.each([
  ['2026-02-30T00:00:00.000Z', 'changes', '1'],
  ['+275760-09-13T00:00:00.000Z', 'changes', '1'],
  ['2026-11-28T00:00:00.000Z', 'changes', '0'],
  ['2026-11-28T00:00:00.000Z', 'changes', '9'.repeat(20)],
  ['2026-11-28T00:00:00.000Z', 'others', '1'],
])('refuses a cursor that the database could not read: %s %s %s', (...position) => {
  const forged = AUDIT_PAGES.cursorOf(position as unknown as Parameters<typeof AUDIT_PAGES.cursorOf>[0], asked);
  expect(() => AUDIT_PAGES.positionOf(forged, asked)).toThrow();
});

it('reads moments with an offset as UTC', () => {
  expect(listAuditLogsRequest.parse({ from: '2026-11-28T01:00:00+01:00' })).toMatchObject({
    from: '2026-11-28T00:00:00.000Z',
    trail: 'organization',
  });
});
