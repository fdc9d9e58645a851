import { describe, expect, it } from 'vitest';
import { placesWithSecrets } from './canary-scan.js';

const secret = 'sk-0123456789abcdefABCDEF';
const scan = (text: string) => placesWithSecrets([secret], [{ place: 'here', bytes: Buffer.from(text) }]);

describe('the canary scan', () => {
  it('finds a secret in plain text and names the place alone', async () => {
    expect(await scan(`{"authorization":"Bearer ${secret}"}`)).toEqual(['here']);
    expect(await scan('nothing to see')).toEqual([]);
  });

  it('finds it as base64, wherever it stands in what was encoded', async () => {
    for (const before of ['', 'x', 'xy', 'xyz', 'user:']) {
      expect(await scan(Buffer.from(`${before}${secret} and more`).toString('base64')), before).toEqual(['here']);
    }
  });

  it('does not take the masked form for the secret', async () => {
    expect(await scan('sk-012…CDEF')).toEqual([]);
  });
});
