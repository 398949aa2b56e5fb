// Where the bench finds and leaves things.
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..');
export const PEERS = join(ROOT, 'bench', 'peers');
export const CORPUS = join(ROOT, 'bench', 'corpus', 'texts.txt');
export const DIGITS = join(ROOT, 'test', 'fixtures', 'digits-heldout.json');
export const PAGE = join(ROOT, 'docs', 'performance.md');
export const PICTURE = join(ROOT, 'docs', 'performance.svg');
export const WORK = join(ROOT, 'var', 'bench');
export const VENV = join(ROOT, 'var', 'bench-venv');
export const PYTHON = join(VENV, 'bin', 'python');
