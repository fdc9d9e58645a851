import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { badAdminInput } from './journeys/bad-admin-input.js';
import { badChatInput } from './journeys/bad-chat-input.js';
import { limits } from './journeys/limits.js';
import { noSecretLeft } from './journeys/no-secret-left.js';
import { oddHttp } from './journeys/odd-http.js';
import { refusals } from './journeys/refusals.js';
import { theCall } from './journeys/the-call.js';
import { theCharge } from './journeys/the-charge.js';
import { theDocument } from './journeys/the-document.js';
import { theKey } from './journeys/the-key.js';
import { theLeak } from './journeys/the-leak.js';
import { theRevoke } from './journeys/the-revoke.js';
import { theStrangers } from './journeys/the-strangers.js';
import { theUsageEvent } from './journeys/the-usage-event.js';
import { upstream } from './journeys/upstream.js';
import { startDistributed } from './kit/distributed.js';
import type { Shape } from './kit/shape.js';
import { startStandalone } from './kit/standalone.js';
import { tellOutputs } from './kit/tell-outputs.js';

const shapes: readonly { name: string; start: () => Promise<Shape> }[] = [
  { name: 'standalone', start: startStandalone },
  { name: 'distributed', start: startDistributed },
];

/** One suite for both shapes, over HTTP alone. */
describe.each(shapes)('Tollgate, $name', ({ start }) => {
  let shape: Shape;
  beforeAll(async () => {
    shape = await start();
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') tellOutputs(shape);
  });
  afterAll(async () => {
    const exits = await shape.stop();
    expect(
      exits.map(({ code }) => code),
      'exit codes of the processes',
    ).toEqual(exits.map(() => 0));
  });

  const running = () => shape;
  theDocument(running);
  theKey(running);
  theCall(running);
  upstream(running);
  refusals(running);
  limits(running);
  theCharge(running);
  theUsageEvent(running);
  badAdminInput(running);
  badChatInput(running);
  oddHttp(running);
  theRevoke(running);
  theLeak(running);
  theStrangers(running);
  noSecretLeft(running);
});
