import { createHash } from 'node:crypto';
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

  it('finds each of many, short ones too, at the beginning, in the middle and at the end of any bytes', async () => {
    const digest = (n: number) => createHash('sha256').update(String(n)).digest();
    const secrets = Array.from({ length: 500 }, (_, n) =>
      digest(n)
        .toString('hex')
        .slice(0, 6 + (n % 59)),
    );
    const around = Buffer.concat(Array.from({ length: 20 }, (_, n) => digest(-1 - n)));
    expect(await placesWithSecrets(secrets, [{ place: 'around', bytes: around }])).toEqual([]);
    const places = secrets.map((each, n) => {
      const [before, after] = [around.subarray(0, (n % 3) * 300), around.subarray((n % 2) * 640)];
      return { place: String(n), bytes: Buffer.concat([before, Buffer.from(each), after]) };
    });
    expect(await placesWithSecrets(secrets, places)).toEqual(places.map(({ place }) => place));
    for (const { place, bytes } of places)
      expect(await placesWithSecrets([secrets[Number(place)]!], [{ place, bytes }])).toEqual([place]);
  });

  it('does not take the masked form for the secret', async () => {
    expect(await scan('sk-012…CDEF')).toEqual([]);
  });
});
