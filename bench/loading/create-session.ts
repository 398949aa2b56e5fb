// Creates one session in a process of its own and prints how many milliseconds that took: node create-session.ts GRAPH OPTIONS
import { InferenceSession } from 'onnxruntime-node';

const [graph = '', options = '{}'] = process.argv.slice(2);
const started = performance.now();
await InferenceSession.create(graph, JSON.parse(options) as InferenceSession.SessionOptions);
process.stdout.write(String(performance.now() - started));
