import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { tellOutputs } from '@tollgate/journey';
import { startAttackStage, type AttackStage } from './attack-stage.js';
import { deadKeys } from './attacks/dead-keys.js';
import { exhaustion } from './attacks/exhaustion.js';
import { falseReports } from './attacks/false-reports.js';
import { guessedSecrets } from './attacks/guessed-secrets.js';
import { twoReadings } from './attacks/two-readings.js';
import { tinyChunks } from './attacks/tiny-chunks.js';
import { unreadableTexts } from './attacks/unreadable-texts.js';

describe.each(['standalone', 'distributed'] as const)('attacks on the %s', (name) => {
  let stage: AttackStage;
  beforeAll(async () => {
    stage = await startAttackStage(name);
  });
  afterAll(() => stage?.stop());
  afterEach(({ task }) => {
    if (task.result?.state === 'fail' && stage !== undefined) tellOutputs(stage.shape);
  });

  deadKeys(() => stage);
  unreadableTexts(() => stage);
  twoReadings(() => stage);
  falseReports(() => stage);
  exhaustion(() => stage);
  tinyChunks(() => stage);
  // The last: from here on the administrator's address is held back for some seconds.
  guessedSecrets(() => stage);
});
