// Mapped files, as the kernel lists them.
import { expect, it } from '@jest/globals';
import { mappedFiles } from './mapped-files.js';

const SMAPS = `7f00-7f10 r--p 00000000 fe:00 123      /cache/prepared/a b/model.onnx.data
Size:                128 kB
Rss:                  64 kB
Pss:                  32 kB
Pss_Dirty:             0 kB
7f10-7f20 r--p 00000000 fe:00 123      /cache/prepared/a b/model.onnx.data
Size:                128 kB
Pss:                  32 kB
7f20-7f30 rw-p 00000000 00:00 0        [heap]
Size:               4096 kB
Pss:                4096 kB
7f30-7f40 rw-p 00000000 00:00 0
Size:               4096 kB
Pss:                4096 kB
`;

it('are summed by path, what belongs to no file left out', async () => {
  expect([...(await mappedFiles(SMAPS))]).toEqual([['/cache/prepared/a b/model.onnx.data', { mapped: 256 * 1024, resident: 64 * 1024 }]]);
});

(process.platform === 'linux' ? it : it.skip)('of this process hold the program that runs', async () => {
  expect((await mappedFiles()).get(process.execPath)?.resident).toBeGreaterThan(0);
});
