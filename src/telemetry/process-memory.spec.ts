// Memory of the process as the kernel counts it, and scrapes that do not ask it each time.
import { describe, expect, it } from '@jest/globals';
import { processMemory, recentProcessMemory } from './process-memory.js';

describe('processMemory', () => {
  it('counts what the process has in RAM, of which it shares some', async () => {
    const { rss, pss, private: own, heapUsed, heapTotal } = await processMemory();
    expect(rss).toBeGreaterThanOrEqual(pss);
    expect(pss).toBeGreaterThanOrEqual(own);
    expect(own).toBeGreaterThan(heapUsed);
    expect(heapTotal).toBeGreaterThanOrEqual(heapUsed);
  });
});

describe('recentProcessMemory', () => {
  it('is looked at once for all who ask at about the same time', async () => {
    const [first, second] = await Promise.all([recentProcessMemory(), recentProcessMemory()]);
    expect(second).toBe(first);
    expect(await recentProcessMemory()).toBe(first);
    expect(await processMemory()).not.toBe(first);
  });
});
