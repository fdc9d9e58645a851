import { describe, expect, it } from 'vitest';
import { complaintAbout } from './preconditions.js';

describe('a machine', () => {
  it('is quiet with up to 5 % of each core in other hands', () => {
    expect(complaintAbout({ gatewayCore: 0.05, otherCore: 0 })).toBeNull();
  });
  it('is busy beyond that, whichever core it is, and the shares are said', () => {
    expect(complaintAbout({ gatewayCore: 0.01, otherCore: 0.42 })).toContain(
      'others use 1 % of core 1 and 42 % of core 0',
    );
    expect(complaintAbout({ gatewayCore: 0.06, otherCore: 0 })).not.toBeNull();
  });
});
