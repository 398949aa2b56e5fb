// `npm run keys`: API keys for a server with ACCESS_KEYS_FILE.
import { runKeysCommand } from './access/keys-command.js';
import { reasonOf } from './errors.js';

try {
  process.stdout.write(`${runKeysCommand(process.argv.slice(2), process.env.ACCESS_KEYS_FILE || './keys.yaml')}\n`);
} catch (thrown) {
  process.stderr.write(`${reasonOf(thrown)}\n`);
  process.exit(1);
}
