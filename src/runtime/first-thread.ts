// The threads of the process: the first of them starts when this file is imported.
//
// It takes 100 to 190 ms beside the imports of the application, and was not there when the first model wanted it, where the rest of the application
// had to be put together first.
import { starterUrl, WorkerThreads } from './worker-threads.js';

// From 1.30 on ONNX Runtime for Linux writes a device id into the home folder and uploads what it ran, errors included, to Microsoft.
// Read when the library is loaded, which the threads do; whoever wants it sets the variable to 0.
process.env.ORT_DISABLE_TELEMETRY ??= '1';

export const threads = new WorkerThreads(starterUrl());
threads.startAhead();
