import { StartFault } from '@tollgate/app-process';
import type { Provider } from '@tollgate/config';
import { describe, expect, it } from 'vitest';
import { noSimulator } from './simulated-outside.js';

const provider = (name: string, credentialVariable: string | null) =>
  ({ name, credential: null, credentialVariable }) as Provider;
const WHERE = 'there is no simulator in this installation (the image that is built with --target demo has one)';

describe('an installation without simulators', () => {
  it('names the credential that is missing, and the provider, in one line', () => {
    const fault = noSimulator(undefined, [provider('local', null), provider('openai', 'OPENAI_API_KEY')]);
    expect(fault).toBeInstanceOf(StartFault);
    expect(fault.message).toBe(
      `OPENAI_API_KEY: must be set: provider openai has no credential: OPENAI_API_KEY is not set, and ${WHERE}`,
    );
  });

  it('names the setting where that asks for one', () => {
    expect(noSimulator('on', [provider('openai', 'OPENAI_API_KEY')]).message).toBe(
      `TOLLGATE_SIMULATOR: is on, and ${WHERE}; set it to off, or leave it out`,
    );
  });
});
