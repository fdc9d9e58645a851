import type { Exchange, Identified } from './exchange.js';
import type { Refusal } from './refusal.js';

/**
 * How long the connection stays open for the client to read the answer. If it were closed with unread bytes in it, it
 * would be reset, and a reset can lose the answer on its way.
 */
const LINGER_MS = 2_000;

type Receive = (exchange: Identified) => Promise<Refusal | undefined>;

/**
 * Receives the body while the key is valid; if the key ends, the client is answered at once. A client can take any time
 * for its body, and a request of an ended key must not stay open for that.
 */
export function awaitBody(receive: Receive): (exchange: Identified) => Promise<Refusal | undefined> {
  return (exchange) =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        // If the body is complete, the check after this step refuses the request, and the connection stays open.
        if (exchange.request.complete || exchange.keyEnd === null) return;
        exchange.onKeyEnd = null;
        resolve(hangUp(exchange, exchange.keyEnd));
      };
      exchange.onKeyEnd = end;
      // The key may have ended in the moment in which it was identified.
      if (exchange.keyEnd !== null) end();
      if (exchange.onKeyEnd === null) return;
      receive(exchange).then((refusal) => {
        exchange.onKeyEnd = null;
        resolve(refusal);
      }, reject);
    });
}

/**
 * The answer of a client that is still sending its body. Nothing more is read from its connection, so that the rest is
 * not taken for another request.
 */
function hangUp({ request }: Exchange, refusal: Refusal): Refusal {
  const { socket } = request;
  request.pause();
  socket.pause();
  // The server calls this after it has written the answer.
  socket.destroySoon = () => {
    socket.end();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  };
  return { ...refusal, headers: [...refusal.headers, 'connection', 'close'] };
}
