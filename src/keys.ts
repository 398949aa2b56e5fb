// `npm run keys`: API keys for a server with ACCESS_KEYS_FILE.
import { runKeysCommand } from './access/keys-command.js';
import { reasonOf } from './errors.js';

const { ACCESS_KEYS_FILE: configured = '' } = process.env;
try {
  process.stdout.write(`${runKeysCommand(process.argv.slice(2), configured === '' ? './keys.yaml' : configured)}\n`);
} catch (thrown) {
  process.stderr.write(`${reasonOf(thrown)}\n`);
  process.exit(1);
}
