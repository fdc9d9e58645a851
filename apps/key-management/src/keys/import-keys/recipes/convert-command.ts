import { createReadStream } from 'node:fs';
import { text } from 'node:stream/consumers';
import { litellm } from './litellm.js';
import { oneApi } from './one-api.js';
import { openrouter } from './openrouter.js';
import { readExport } from './read-export.js';
import { convertKey, type Recipe } from './recipe.js';
import { unkey } from './unkey.js';

const RECIPES: Readonly<Record<string, Recipe>> = { litellm, 'one-api': oneApi, 'new-api': oneApi, unkey, openrouter };
const USAGE = `usage: npm run --silent convert-keys -- PRODUCT [FILE] [--ignore FIELD,…] [--calendar] > keys.ndjson
  PRODUCT: ${Object.keys(RECIPES).join(', ')}; without FILE the export is read from standard input
  --ignore: fields whose meaning may be lost
  --calendar: budgets of 1d, 7d and 30d begin anew with the day, the week and the month`;

const tell = (line: string): void => void process.stderr.write(`${line}\n`);

interface Asked {
  readonly words: readonly string[];
  readonly ignored: ReadonlySet<string>;
  readonly calendar: boolean;
}

function read(words: readonly string[]): Asked | null {
  const at = words.indexOf('--ignore');
  const ignored = at === -1 ? [] : (words[at + 1]?.split(',') ?? []);
  const rest = words.filter((_, index) => at === -1 || (index !== at && index !== at + 1));
  const calendar = rest.includes('--calendar');
  const plain = rest.filter((word) => word !== '--calendar');
  if (plain.length < 1 || plain.length > 2 || plain.some((word) => word.startsWith('-'))) return null;
  return { words: plain, ignored: new Set(ignored), calendar };
}

/** Resolves with the exit code: 0 if every key became a line, 1 if some did not, 2 if nothing could be read. */
async function run(args: readonly string[]): Promise<number> {
  const asked = read(args);
  const recipe = asked === null ? undefined : RECIPES[asked.words[0] ?? ''];
  if (asked === null || recipe === undefined) {
    tell(USAGE);
    return 2;
  }
  const file = asked.words[1];
  const keys = readExport(await text(file === undefined ? process.stdin : createReadStream(file)));
  let refused = 0;
  for (const [at, key] of keys.entries()) {
    const converted = convertKey(recipe, key, asked);
    if ('line' in converted) process.stdout.write(`${JSON.stringify(converted.line)}\n`);
    else {
      refused += 1;
      tell(`key ${at + 1}: ${converted.refusals.join('; ')}`);
    }
  }
  tell(`${keys.length - refused} keys converted, ${refused} refused`);
  return refused === 0 ? 0 : 1;
}

process.exitCode = await run(process.argv.slice(2)).catch((error: unknown) => {
  tell(`nothing was converted: ${error instanceof Error ? error.message : String(error)}`);
  return 2;
});
