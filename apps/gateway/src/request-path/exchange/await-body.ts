import type { Exchange, Identified } from './exchange.js';
import type { Refusal } from './refusal.js';

/**
 * How long the connection is kept for the client to read the answer. Closed at once, with bytes in it that nobody has
 * read, it would be reset, and a reset can cost the client the answer that is on its way.
 */
const LINGER_MS = 2_000;

type Receive = (exchange: Identified) => Promise<Refusal | undefined>;

/**
 * Receives the body, for as long as the key lives: when it ends the client is answered at once. It is a client's affair
 * how long its body takes, and nothing of a key that has ended waits for that.
 */
export function awaitBody(receive: Receive): (exchange: Identified) => Promise<Refusal | undefined> {
  return (exchange) =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        // All is there: the look after this step sees to it, and the connection can be kept.
        if (exchange.request.complete || exchange.keyEnd === null) return;
        exchange.onKeyEnd = null;
        resolve(hangUp(exchange, exchange.keyEnd));
      };
      exchange.onKeyEnd = end;
      // Heard in the moment in which the key was identified.
      if (exchange.keyEnd !== null) end();
      if (exchange.onKeyEnd === null) return;
      receive(exchange).then((refusal) => {
        exchange.onKeyEnd = null;
        resolve(refusal);
      }, reject);
    });
}

/**
 * What the client is answered in the middle of its body. Nothing more is read of its connection, and nothing that
 * follows on it is taken for another request.
 */
function hangUp({ request }: Exchange, refusal: Refusal): Refusal {
  const { socket } = request;
  request.pause();
  socket.pause();
  // The server calls this once the answer is written.
  socket.destroySoon = () => {
    socket.end();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  };
  return { ...refusal, headers: [...refusal.headers, 'connection', 'close'] };
}
