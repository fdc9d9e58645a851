import { describe, expect, it } from 'vitest';
import { placesWithSecrets } from '../kit/canary-scan.js';
import { mailsIn } from '../kit/mailbox.js';
import type { Shape } from '../kit/shape.js';

/** Runs last: looks at all that the other journeys left behind. */
export function noSecretLeft(shape: () => Shape): void {
  describe('what is left behind', () => {
    it('has no secret of any key in a log, database, cache, journal or mail', async () => {
      const { keySecrets } = shape().canaries;
      expect(keySecrets.size).toBeGreaterThan(0);
      expect(await placesWithSecrets(keySecrets, outputs())).toEqual([]);
      expect(await placesWithSecrets(keySecrets, shape().storedBytes())).toEqual([]);
    });

    it('has no secret of the deployment in a log or a mail', async () => {
      const mails = mailsIn(shape().mailFolder).map((mail, number) => ({
        place: `mail ${number}`,
        bytes: Buffer.from(mail),
      }));
      expect(await placesWithSecrets(shape().canaries.deploymentSecrets, [...outputs(), ...mails])).toEqual([]);
    });

    const outputs = () =>
      shape().processes.map((process) => ({
        place: `output of ${process.name}`,
        bytes: Buffer.from(process.output()),
      }));
  });
}
