// Root may read everything: what a test does as somebody who may not.

/** Runs as nobody where this process is root's, and as itself where it is not. */
export async function unprivileged<Result>(work: () => Promise<Result>): Promise<Result> {
  const user = process.geteuid?.();
  if (user === 0) process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    if (user === 0) process.seteuid?.(user);
  }
}
