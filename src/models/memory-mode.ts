// How the sessions of a model hold its weights.

export const MEMORY_MODES = ['shared', 'speed'] as const;

/**
 * `shared`: all map one file that holds the weights as the processor's kernels want them, and keep no copy. `speed`: each lays them out
 * anew in memory of its own.
 */
export type MemoryMode = (typeof MEMORY_MODES)[number];
