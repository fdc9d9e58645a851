import type { LogEntry } from '@tollgate/provider-simulator';
import { waitUntil } from '@tollgate/infra';
import { expect } from 'vitest';
import type { Client, Connected, Said } from './client.js';

export type Capability =
  'plain' | 'streamed' | 'tools' | 'image' | 'structured' | 'embeddings' | 'models' | 'cancelled';

const WORDS = Array.from({ length: 16 }, (_, i) => `word${i}`).join(' ');

/** A client, pointed somewhere. */
interface Attempt {
  readonly client: Client;
  readonly connected: Connected;
  readonly model: string;
  /** The requests of this client that the simulator has in its log, oldest first. */
  readonly seen: () => readonly LogEntry[];
}

/** Lets a client do one thing, and holds what it shows its user against what the simulator gave. */
export async function expectCapability(
  capability: Capability,
  { client, connected, model, seen }: Attempt,
): Promise<void> {
  switch (capability) {
    case 'plain':
      return expectSaid(await connected.plain('Hello'), seen);
    case 'streamed': {
      const said = await connected.streamed('Hello');
      expectSaid(said, seen, { counts: client.miscountsStreams !== true });
      expect(said.pieces).toBeGreaterThan(1);
      expect(seen().at(-1)).toMatchObject({ stream: true, outcome: 'answered' });
      return;
    }
    case 'tools': {
      const used = await connected.tools?.('Please call weather and call now.');
      if (used === undefined) return;
      expect(used.calls).toEqual([
        { name: 'weather', input: { city: 'word0' } },
        { name: 'now', input: {} },
      ]);
      return expectSaid(used.said, seen, { counts: false });
    }
    case 'image': {
      const said = await connected.image?.('What is it?');
      if (said === undefined) return;
      expectSaid(said, seen);
      expect(seen().at(-1)?.media).toEqual({ images: 1, files: 0, audio: 0 });
      return;
    }
    case 'structured': {
      const value = await connected.structured?.('What is the weather like?');
      if (value !== undefined) expect(value).toEqual({ city: 'word0', degrees: 1 });
      return;
    }
    case 'embeddings': {
      const vectors = await connected.embeddings?.(['one', 'two']);
      if (vectors === undefined) return;
      expect(vectors.map(({ length }) => length)).toEqual([8, 8]);
      expect(vectors[0]).not.toEqual(vectors[1]);
      return;
    }
    case 'models': {
      const ids = await connected.models?.();
      if (ids !== undefined) expect(ids).toContain(model);
      return;
    }
    case 'cancelled': {
      if (connected.cancelled === undefined) return;
      const before = seen().length;
      await connected.cancelled('Hello').catch(() => undefined);
      const entry = await waitUntil(() => seen()[before], { what: 'the cancelled call in the log' });
      await waitUntil(() => entry.outcome !== 'pending' || seen()[before]?.outcome !== 'pending', {
        what: 'the end of the cancelled call',
      });
      return;
    }
  }
}

/** A client that adds up the tokens of several calls shows another number than the last call's. */
function expectSaid(said: Said, seen: () => readonly LogEntry[], { counts = true } = {}): void {
  expect(said.text).toBe(WORDS);
  if (!counts) return;
  const { prompt_tokens, completion_tokens } = seen().at(-1)?.usage ?? {};
  expect([said.inputTokens, said.outputTokens]).toEqual([prompt_tokens, completion_tokens]);
}
