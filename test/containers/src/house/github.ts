import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { startGithubSimulator } from '@tollgate/github-simulator';

/**
 * GitHub as secret-scanning meets it, in a container that shares its loopback: `GET /public-keys` at port 8091, and
 * `POST /sign`, which gives the headers of a report with these bytes. The report itself goes through the front door.
 */
const github = await startGithubSimulator({ webhookUrl: () => 'http://127.0.0.1:0' });

const server = createServer((request, reply) => {
  void answer(request, reply).catch(() => reply.destroy());
});

async function answer(request: IncomingMessage, reply: ServerResponse): Promise<void> {
  if (request.url === '/sign') {
    let body = '';
    for await (const part of request) body += String(part);
    reply.end(JSON.stringify(github.sign(body)));
    return;
  }
  const keys = await fetch(github.publicKeysUrl);
  reply.writeHead(keys.status, { 'content-type': 'application/json' }).end(await keys.text());
}

server.listen(8091, '127.0.0.1');
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    server.close();
    void github.stop();
  });
