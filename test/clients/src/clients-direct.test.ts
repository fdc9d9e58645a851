import { startProviderSimulator, type ProviderSimulator } from '@tollgate/provider-simulator';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { CLIENTS } from './clients/index.js';
import { expectCapability, type Capability } from './kit/capabilities.js';
import type { Client } from './kit/client.js';
import { startRecorder, type Recorder } from './kit/recorder.js';
import { transcriptOf } from './kit/transcript.js';

const CAPABILITIES: readonly Capability[] = ['plain', 'streamed', 'tools', 'image', 'structured', 'embeddings'];
const SECRET = 'sk-of-a-client-that-calls-the-provider-itself';

const ownModel = ({ speaks }: Client) => (speaks === '/v1/messages' ? 'claude-sonnet-4-5' : 'gpt-4o-mini');

/**
 * The clients without Tollgate between: what they make of the simulator's answers is what they must make of Tollgate's.
 * What they send is kept in `fixtures/`, for tests of what reads requests.
 */
describe('the simulator itself', () => {
  let simulator: ProviderSimulator;
  beforeAll(async () => {
    simulator = await startProviderSimulator({ requiredCredential: SECRET });
  });
  afterAll(() => simulator?.stop());

  describe.concurrent.each(CLIENTS)('$name', (client) => {
    it.for(CAPABILITIES)('%s', async (capability, { expect }) => {
      const recorder: Recorder = await startRecorder(simulator.url);
      const model = ownModel(client);
      const connected = await client.connect({ url: recorder.url, secret: SECRET, model });
      const sent = () => new Set(recorder.requests.map(({ requestId }) => requestId));
      const seen = () => simulator.log().filter(({ n }) => sent().has(`req_simulator${n}`));
      await expectCapability(capability, { client, connected, model, seen });
      const [first] = recorder.requests;
      if (first !== undefined) {
        const file = `../fixtures/${client.name.replaceAll(/\W+/g, '-').replace(/^-/, '')}/${capability}.json`;
        await expect(transcriptOf(first, SECRET)).toMatchFileSnapshot(file);
      }
      await connected.close?.();
      await recorder.stop();
    });
  });
});
