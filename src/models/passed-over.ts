// What lies in a repository as if it were to be served and is not: a model without the folder of its version, a model.yaml by another name.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isVersion } from './versions.js';

/** A sentence for each, with what to do about it. */
export async function passedOver(repository: string): Promise<string[]> {
  const found: string[] = [];
  const names = await namesIn(repository);
  for (const name of names.filter((one) => !one.startsWith('.'))) {
    if (name.endsWith('.onnx')) found.push(`${name} is passed over: a model lies at <name>/1/model.onnx`);
    const inside = await namesIn(join(repository, name));
    const versions = inside.filter(isVersion);
    const looksLikeModel = inside.some((one) => one.endsWith('.onnx') || one === 'onnx' || /^v\d+$/.test(one));
    if (versions.length === 0 && looksLikeModel)
      found.push(`${name} is passed over: its graph lies at ${name}/1/model.onnx, 1 being its version, a number`);
    if (versions.length === 0) continue;
    if (inside.includes('model.yml')) found.push(`${name}/model.yml is passed over: it is called model.yaml`);
    for (const version of versions) {
      const misplaced = (await namesIn(join(repository, name, version))).find((one) => /^model\.ya?ml$/.test(one));
      if (misplaced) found.push(`${name}/${version}/${misplaced} is passed over: it is for all versions, and lies at ${name}/model.yaml`);
    }
  }
  return found;
}

/** None where it is no folder, or cannot be read: whoever loads it says so. */
function namesIn(path: string): Promise<string[]> {
  return readdir(path).then((names) => names.sort(), () => []); // prettier-ignore
}
