import { Client, type ClientConfig } from 'pg';

/** What PostgreSQL answers a write on a standby, or in a database that was set to read-only. */
const READ_ONLY = '25006';

/** A message of the server about a statement that failed, as pg's connection hands it out. */
interface ErrorMessage {
  readonly code?: string;
}

/** What pg does not declare of its clients. */
interface Inside {
  readonly connection: {
    on(event: 'errorMessage', listener: (message: ErrorMessage) => void): void;
  };
}

/**
 * A client that ends its connection once the server has refused a write because it takes none. After a failover a
 * connection to what was the primary stays open, and each of its writes would fail: a pool drops an ended client, and
 * opens the next one by the name of the server. The statement's caller gets the server's error; a transaction that it
 * was part of is rolled back by the end of the session.
 */
export class FollowingClient extends Client {
  constructor(config?: string | ClientConfig) {
    super(config);
    (this as unknown as Inside).connection.on('errorMessage', ({ code }) => {
      // Not at once, since a client that ends during a statement fails it with another error; but before whoever waits
      // for the statement goes on and gives this client back, because the pool would hand it out once more.
      if (code === READ_ONLY) queueMicrotask(() => void this.end().catch(() => undefined));
    });
  }
}
