// The files that a session is made from, as they are now: a thread that is lost must not come back with other weights than its fellows have.
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Changes when the graph is written, or a file of weights beside it: exporters begin its name with that of the graph (`model.onnx.data`,
 * `model.onnx_data`). Nothing is read for it.
 */
export async function graphFiles(modelPath: string): Promise<string> {
  const folder = dirname(modelPath);
  const names = (await readdir(folder)).filter((name) => name.startsWith(basename(modelPath))).sort();
  const states = await Promise.all(names.map((name) => stat(join(folder, name))));
  return JSON.stringify(states.map(({ ino, size, mtimeMs }, index) => [names[index], ino, size, mtimeMs]));
}
