// Where things lie in the clone.
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');
export const MODELS = join(ROOT, 'models');
export const FIXTURES = join(ROOT, 'test/fixtures');
