import { existsSync } from 'node:fs';
import { findProgram } from './commands.js';
import { canInstallPackages, installPackage } from './debian.js';

/** The program of Chromium, for tests of what browsers do: `CHROMIUM_PATH`, else one that is or can be installed. */
export async function chromiumProgram(): Promise<string> {
  const named = process.env['CHROMIUM_PATH'];
  if (named !== undefined && named !== '') {
    if (existsSync(named)) return named;
    throw new Error(`CHROMIUM_PATH: there is no ${named}`);
  }
  const found = findProgram('chromium') ?? findProgram('chromium-browser') ?? findProgram('google-chrome');
  if (found) return found;
  if (canInstallPackages()) {
    await installPackage('chromium');
    const installed = findProgram('chromium');
    if (installed) return installed;
  }
  throw new Error('Chromium is missing. Install it (Debian: apt-get install chromium), or set CHROMIUM_PATH.');
}
