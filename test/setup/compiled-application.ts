// The compiled application within the test's own process, to look into what a client cannot see.
import { ROOT } from './paths.js';

// Types come from the source, so that no build is needed to check.
type Compiled = typeof import('../../src/app.module.js') &
  typeof import('../../src/config/environment.js') &
  typeof import('../../src/http/application.js') &
  typeof import('../../src/http/route-table.js');
const load = (file: string): Promise<unknown> => import(`${ROOT}/dist/${file}`);
export const { AppModule } = (await load('app.module.js')) as Compiled;
const { readEnvironment } = (await load('config/environment.js')) as Compiled;
const { createApplication } = (await load('http/application.js')) as Compiled;
const { RouteTable } = (await load('http/route-table.js')) as Compiled;

/**
 * Like `GET /v1/models`, of everything that the application answers to.
 * @param module in place of the application's own.
 * @throws Error as the boot does.
 */
export async function declaredRoutes(environment: NodeJS.ProcessEnv, module: new () => unknown = AppModule): Promise<string[]> {
  // Modules read the environment of the process.
  Object.assign(process.env, environment, { LOG_LEVEL: 'silent' });
  const app = await createApplication(module, readEnvironment(process.env));
  try {
    await app.init();
    return app.get(RouteTable, { strict: false }).all.flatMap(({ url, methods }) => methods.map((method) => `${method} ${url}`));
  } finally {
    await app.close().catch(() => undefined);
  }
}
