import { describe, expect, it } from 'vitest';
import { nodeIsTooOld } from './node-version.js';

describe('the check of Node.js', () => {
  it.each(['22.19.0', '22.20.1', '24.0.0', '26.10.0'])('takes %s', (version) =>
    expect(nodeIsTooOld(version)).toBeUndefined(),
  );
  it.each(['18.20.0', '20.20.2', '22.18.9'])('refuses %s and says what to do', (version) =>
    expect(nodeIsTooOld(version)).toContain('npm ci'),
  );
});
