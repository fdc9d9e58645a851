import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromiumProgram } from '@tollgate/infra';
import axe from 'axe-core';
import { chromium, type Browser, type Page } from 'playwright-core';

/** A real browser, without a window. */
export async function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: await chromiumProgram(), args: ['--no-sandbox'] });
}

/** What is wrong with a page for people who cannot see it or use a mouse, by the rules of axe. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** An app of somebody else on this machine: notes the addresses at which browsers reach it. */
export interface ForeignApp {
  readonly url: string;
  readonly reached: readonly { readonly target: string; readonly referer: string | undefined }[];
  stop(): void;
}

/** `page` is what it shows at every address. */
export async function startForeignApp(page: string): Promise<ForeignApp> {
  const reached: { target: string; referer: string | undefined }[] = [];
  const server = createServer(({ url = '', headers }, reply) => {
    if (url !== '/favicon.ico') reached.push({ target: url, referer: headers.referer });
    reply.setHeader('content-type', 'text/html; charset=utf-8').end(page);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    reached,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
