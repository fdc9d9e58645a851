import { expect, it } from 'vitest';
import type { AttackStage } from '../attack-stage.js';
import { tellMeasured } from '../measured.js';

const guesses = 200;

/** Who guesses at the admin secret meets a limit, and is seen. */
export function guessedSecrets(stageOf: () => AttackStage): void {
  it('guesses at the admin secret meet a limit, leave a trace, and are not repeated in it', async () => {
    const { shape } = stageOf();
    const replies = await Promise.all(
      Array.from({ length: guesses }, (_, number) => {
        const headers = { authorization: `Bearer guess-number-${number}-of-many` };
        return shape.client().call({ method: 'GET', path: '/v1/api-keys', headers });
      }),
    );
    const compared = replies.filter(({ status }) => status === 401).length;
    const unread = replies.filter(({ status }) => status === 429).length;
    expect(compared + unread).toBe(guesses);
    expect(unread).toBeGreaterThan(0);
    const words = shape.processes.map((process) => process.output()).join('');
    expect(words).toContain('"level":"warn"');
    expect(words).not.toContain('guess-number');
    tellMeasured(`${shape.name}: guesses at the admin secret`, { compared, 'refused unread': unread });
  });
}
