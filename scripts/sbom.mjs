// The bill of materials, CycloneDX: every package that production needs, as the lockfile has it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));
const target = process.argv[2] ?? 'var/sbom.cdx.json';
const command = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
const options = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--omit', 'dev', '--package-lock-only'];
const sbom = JSON.parse(execFileSync(command[0], [...command.slice(1), ...options], { maxBuffer: 64 * 1024 * 1024, encoding: 'utf8' }));
// npm calls it after its folder.
sbom.metadata.component.name = JSON.parse(readFileSync('package.json', 'utf8')).name;
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, `${JSON.stringify(sbom, null, 1)}\n`);
console.log(`${target}: ${sbom.components.length} packages`);
