// Where models come from, and what they may take: the settings of the whole repository.

export interface ModelOptions {
  /** Folder of the model repository. */
  readonly repository: string;
  /** How often to look for changes of it, in seconds; 0 for never. Then a model that cannot be loaded does not stop the start either. */
  readonly pollSeconds?: number;
  /** Folder for models that are prepared once and mapped ever after; without it each load prepares anew. */
  readonly cacheDir?: string;
  /** Folder of models that were prepared before, of an image: looked into first, never written to. */
  readonly preparedDir?: string;
  /** Most that the process may take with all models, in bytes; 0 for no limit. */
  readonly memoryBudgetBytes?: number;
  /** Where the process takes more than this, fresh instances take over from those that run, in bytes; 0 for never. */
  readonly recycleAboveBytes?: number;
}

export const MODEL_OPTIONS = Symbol('MODEL_OPTIONS');
