// The log holds what happened, and neither what was sent nor what opens doors.
import { describe, expect, it } from '@jest/globals';
import { createLogger } from './logger.js';

function setUp(level = 'trace') {
  const lines: string[] = [];
  let flushed = 0;
  const logger = createLogger(level, {
    write: (line) => void lines.push(line),
    flush: () => {
      flushed += 1;
    },
  });
  return { logger, lines, flushes: () => flushed };
}

describe('the log', () => {
  it('keeps nothing of a library’s error but what happened and where', () => {
    const { logger, lines } = setUp();
    const request = { headers: { authorization: 'Bearer SECRET' }, body: 'SECRET' };
    const cause = new Error('connect ECONNREFUSED redis://user:SECRET@cache:6379/0');
    logger.error(
      { err: Object.assign(new Error('refused by https://me:SECRET@host/x', { cause }), { request, config: request }) },
      'failed',
    );
    expect(lines.join()).toContain('refused by https://***@host/x');
    expect(lines.join()).toContain('redis://***@cache:6379');
    expect(lines.join()).not.toContain('SECRET');
  });

  it('hides the fields in which headers and bodies travel', () => {
    const { logger, lines } = setUp();
    logger.info({ headers: { cookie: 'SECRET' }, body: 'SECRET', input: ['SECRET'], password: 'SECRET', kept: 1 });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ headers: '[redacted]', body: '[redacted]', input: '[redacted]', kept: 1 });
    expect(lines.join()).not.toContain('SECRET');
  });

  it('passes over the roll call of the framework, but not over its complaints', () => {
    const { logger, lines } = setUp();
    logger.info({ context: 'RouterExplorer' }, 'Mapped');
    logger.warn({ context: 'RouterExplorer' }, 'Odd');
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['Odd']);
  });

  it('writes a warning at once, and information with others', () => {
    const { logger, flushes } = setUp();
    logger.info('one');
    expect(flushes()).toBe(0);
    logger.warn('two');
    expect(flushes()).toBe(1);
  });
});
