// The log of the process: JSON lines, without the roll call of the framework.
import { pino, type Logger } from 'pino';

/** Parts of Nest that name every module and route at boot. */
const ROLL_CALL = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'NestApplication', 'NestMicroservice']);
const INFO = 30;

export function createLogger(level: string): Logger {
  return pino({
    level,
    hooks: {
      logMethod(args, method, severity) {
        const [fields] = args as [unknown];
        const context = typeof fields === 'object' && fields !== null ? (fields as { context?: string }).context : undefined;
        if (severity > INFO || !context || !ROLL_CALL.has(context)) method.apply(this, args);
      },
    },
  });
}
