import { kafkaBus } from '@tollgate/bus';
import { USAGE_RECORDED_V2 } from '@tollgate/contracts';
import { loadDemoConfig } from './config.js';
import { DEMO_KEYS } from './demo-keys.js';
import { knownKeys } from './known-keys.js';
import { DAY_MS, usageOfDay } from './usage-of-day.js';

/**
 * Gives an installation of the demonstration the usage of the 30 days before this one: makes a few keys, unless they
 * are there, and publishes the events of their calls as a gateway does. It can be run again: what is booked already is
 * not booked twice, and the days since then are added.
 */
const DAYS = 30;

const config = loadDemoConfig(process.env);
const keys = await knownKeys(config, DEMO_KEYS);
const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const bus = kafkaBus(config.kafka);
let events = 0;
try {
  for (let dayMs = today - DAYS * DAY_MS; dayMs < today; dayMs += DAY_MS) {
    const messages = keys.flatMap((key) =>
      usageOfDay(key, dayMs).map((event) => ({ key: key.organizationId, value: JSON.stringify(event) })),
    );
    await bus.publisher.publish(USAGE_RECORDED_V2, messages);
    events += messages.length;
  }
} finally {
  await bus.close();
}
console.log(`demo: ${keys.length} keys have the usage of ${DAYS} days, ${events} calls`);
