// A connection to Redis that is there when it is: in the background, again and again, and no command waits for it.
import { createClient } from 'redis';

/** What is on its way at most: a Redis that hangs must not gather requests without end. */
const MOST_COMMANDS = 10_000;
const CONNECT_MS = 2000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2000;
/** A connection that says nothing for so long is given up for a new one: TCP itself would wait a quarter of an hour for a host that is gone. */
const LONGEST_SILENCE_MS = 5000;

export interface RedisConnection {
  readonly client: ReturnType<typeof createClient>;
  /** To be put around every command: it sees where Redis hangs. */
  readonly watch: <R>(command: Promise<R>) => Promise<R>;
  readonly disconnect: () => Promise<void>;
}

/**
 * Connects in the background, again and again if need be: until there is a connection every command fails at once.
 * @param onError what the client has to say about its connection.
 */
export function connectRedis(url: string, onError: (error: Error) => void): RedisConnection {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MOST_COMMANDS,
    socket: {
      connectTimeout: CONNECT_MS,
      reconnectStrategy: (tries) => Math.min(FIRST_RETRY_MS * 2 ** Math.min(tries, 10), LONGEST_RETRY_MS),
    },
  });
  let closed = false;
  let renewing = false;
  const connect = (): void => {
    renewing = false;
    if (!closed) client.connect().catch(onError);
  };
  let greeting: NodeJS.Timeout | undefined;
  const greeted = (): void => {
    clearTimeout(greeting);
  };
  client.on('connect', () => {
    // No command waits yet, so that the watchdog sleeps.
    greeting = setTimeout(() => {
      onError(new Error('it takes the connection and does not answer'));
      renewing = true;
      client.disconnect().catch(onError);
      // What tries to connect inside the client sees at its next try that it was told to end; before that there would be two.
      setTimeout(connect, LONGEST_RETRY_MS + FIRST_RETRY_MS).unref();
    }, LONGEST_SILENCE_MS).unref();
  });
  client.on('ready', greeted);
  client.on('error', (error: Error) => {
    greeted();
    if (!renewing) onError(error);
  });
  connect();
  const watch = watchdog(() => {
    client
      .disconnect()
      .then(() => client.connect())
      .catch(onError);
  });
  const disconnect = async (): Promise<void> => {
    closed = true;
    greeted();
    // disconnect() of a client that is still connecting throws.
    await Promise.resolve(client.disconnect()).catch(() => undefined);
  };
  return { client, watch, disconnect };
}

/** Calls `bark` when commands wait and none is answered for too long. */
function watchdog(bark: () => void): <R>(command: Promise<R>) => Promise<R> {
  let waiting = 0;
  let timer: NodeJS.Timeout | undefined;
  const rest = (): void => {
    clearTimeout(timer);
    timer = waiting > 0 ? setTimeout(bark, LONGEST_SILENCE_MS).unref() : undefined;
  };
  return async (command) => {
    if (waiting++ === 0) rest();
    try {
      return await command;
    } finally {
      waiting--;
      rest();
    }
  };
}
