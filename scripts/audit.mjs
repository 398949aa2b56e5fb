// Fails where a package that production needs has a known vulnerability that is high or critical, unless audit-exceptions.json, or the file named as argument, lets it pass.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const FAILING = ['high', 'critical'];
const LONGEST_DAYS = 90;
const MOST_BYTES = 64 * 1024 * 1024;

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const EXCEPTIONS = process.argv[2] ?? join(ROOT, 'scripts/audit-exceptions.json');
process.chdir(ROOT);

/** What `npm audit` says, which exits 1 where it finds something; undefined where the registry has no such endpoint, or cannot be reached. */
async function report() {
  const command = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const options = { maxBuffer: MOST_BYTES, timeout: 120_000 };
  const done = await promisify(execFile)(command[0], [...command.slice(1), 'audit', '--omit=dev', '--json'], options).catch(
    (error) => error,
  );
  const start = done.stdout?.indexOf('{') ?? -1;
  const parsed = start < 0 ? {} : JSON.parse(done.stdout.slice(start));
  if (parsed.vulnerabilities) return parsed.vulnerabilities;
  process.stderr.write(`\nSKIPPED: the dependencies are not audited: ${parsed.message ?? done.message ?? 'npm audit said nothing'}\n\n`);
  return undefined;
}

/** `{ "advisory", "reason", "expires": "YYYY-MM-DD" }` each; a wrong or late one fails, so that none is forgotten. */
function exceptions(now) {
  const all = JSON.parse(readFileSync(EXCEPTIONS, 'utf8'));
  const faults = all.flatMap(({ advisory, reason, expires }) => {
    const days = (Date.parse(expires) - now) / 86_400_000;
    if (!/^GHSA(-\w{4}){3}$/.test(advisory) || !reason || !(days < LONGEST_DAYS))
      return [`${advisory}: an exception has an advisory (GHSA-...), a reason and a date at most ${LONGEST_DAYS} days ahead`];
    return days < 0 ? [`${advisory}: the exception has expired on ${expires}`] : [];
  });
  return { allowed: new Set(all.map(({ advisory }) => advisory)), faults };
}

/** The advisories behind a package; those of its own dependencies stand at these. */
function advisories({ name, via }) {
  return via
    .filter((entry) => typeof entry === 'object')
    .map(({ url, title, severity }) => ({ name, title, severity, id: url.split('/').at(-1) }));
}

const { allowed, faults } = exceptions(Date.now());
const vulnerabilities = await report();
const found = Object.values(vulnerabilities ?? {}).flatMap(advisories).filter(({ severity }) => FAILING.includes(severity)); // prettier-ignore
const failing = found.filter(({ id }) => !allowed.has(id)).map(({ name, title, severity, id }) => `${name}: ${title} (${severity}, ${id})`);
for (const line of [...faults, ...failing]) process.stderr.write(`${line}\n`);
if (vulnerabilities && faults.length + failing.length === 0)
  console.log(`No package of production has a vulnerability that is ${FAILING.join(' or ')}.`);
process.exitCode = faults.length + failing.length > 0 ? 1 : 0;
