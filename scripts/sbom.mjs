// The bill of materials, CycloneDX: every package that production needs, as the lockfile has it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));
const target = process.argv[2] ?? 'var/sbom.cdx.json';
const command = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
// Not --omit dev: that leaves out what a tool needs too, such as @nestjs/core.
const options = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
const sbom = JSON.parse(execFileSync(command[0], [...command.slice(1), ...options], { maxBuffer: 64 * 1024 * 1024, encoding: 'utf8' }));
const isTool = ({ properties }) => properties?.some(({ name }) => name === 'cdx:npm:package:development');
const tools = new Set(sbom.components.filter(isTool).map((component) => component['bom-ref']));
const needed = (ref) => !tools.has(ref);
sbom.components = sbom.components.filter((component) => needed(component['bom-ref']));
sbom.dependencies = sbom.dependencies
  .filter(({ ref }) => needed(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(needed) }));
// npm calls it after its folder.
sbom.metadata.component.name = JSON.parse(readFileSync('package.json', 'utf8')).name;
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, `${JSON.stringify(sbom, null, 1)}\n`);
console.log(`${target}: ${sbom.components.length} packages`);
