import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { badAdminInput } from './bad-admin-input.js';
import { badChatInput } from './bad-chat-input.js';
import { limits } from './limits.js';
import { noSecretLeft } from './no-secret-left.js';
import { oddHttp } from './odd-http.js';
import { refusals } from './refusals.js';
import { theAuditTrail } from './the-audit-trail.js';
import { theAlerts } from './the-alerts.js';
import { theBalance } from './the-balance.js';
import { theCall } from './the-call.js';
import { theChangedLimits } from './the-changed-limits.js';
import { theCharge } from './the-charge.js';
import { theDialects } from './the-dialects.js';
import { theDocument } from './the-document.js';
import { theEmbeddings } from './the-embeddings.js';
import { theGroups } from './the-groups.js';
import { theImport } from './the-import.js';
import { theHandout } from './the-handout.js';
import { theKey } from './the-key.js';
import { theLeak } from './the-leak.js';
import { theLists } from './the-lists.js';
import { theMessages } from './the-messages.js';
import { theModels } from './the-models.js';
import { thePeople } from './the-people.js';
import { thePrices } from './the-prices.js';
import { theProviderReports } from './the-provider-reports.js';
import { theResponses } from './the-responses.js';
import { theRevoke } from './the-revoke.js';
import { theRotation } from './the-rotation.js';
import { theSettings } from './the-settings.js';
import { theSignIn } from './the-sign-in.js';
import { theSpending } from './the-spending.js';
import { theStrangers } from './the-strangers.js';
import { theTerms } from './the-terms.js';
import { theUsageEvent } from './the-usage-event.js';
import { upstream } from './upstream.js';
import type { Shape } from '../kit/shape.js';
import { tellOutputs } from '../kit/tell-outputs.js';

/**
 * One suite for both shapes, over HTTP alone: every chapter on one deployment, which this starts. Each shape has a file
 * of its own, so that they run side by side.
 */
export function everyChapter(name: Shape['name'], start: () => Promise<Shape>): void {
  describe(`Tollgate, ${name}`, () => {
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
    thePrices(running);
    theModels(running);
    upstream(running);
    theEmbeddings(running);
    theMessages(running);
    theDialects(running);
    theResponses(running);
    refusals(running);
    limits(running);
    theChangedLimits(running);
    theCharge(running);
    theUsageEvent(running);
    theSpending(running);
    theBalance(running);
    theTerms(running);
    theProviderReports(running);
    theAlerts(running);
    badAdminInput(running);
    badChatInput(running);
    oddHttp(running);
    theRevoke(running);
    theSettings(running);
    theGroups(running);
    theRotation(running);
    theLeak(running);
    theImport(running);
    theLists(running);
    theStrangers(running);
    theAuditTrail(running);
    thePeople(running);
    theHandout(running);
    // Gives the owner another password.
    theSignIn(running);
    noSecretLeft(running);
  });
}
