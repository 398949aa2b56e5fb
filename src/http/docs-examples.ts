// Bodies that work when they are sent, for the OpenAPI document.

/** A handwritten 2 of 8 x 8 grey values, 0 to 16, for the model `digits`. */
export const DIGIT = [
  0, 0, 7, 16, 14, 3, 0, 0, 0, 0, 9, 14, 11, 15, 0, 0, 0, 0, 1, 5, 0, 15, 5, 0, 0, 0, 0, 0, 0, 16, 5, 0, 0, 0, 0, 0, 3, 16, 4, 0, 0, 0, 0,
  1, 12, 14, 1, 0, 0, 0, 5, 12, 16, 16, 14, 1, 0, 0, 8, 16, 14, 10, 13, 3,
];

/** A frame of silence for `silero-vad`: 576 samples at 16 kHz, the state of a new stream, the rate as a scalar. */
export const SILERO_ZEROS = {
  inputs: {
    input: [Array.from({ length: 576 }, () => 0)],
    state: { shape: [2, 1, 128], datatype: 'FP32', data: Array.from({ length: 256 }, () => 0) },
    sr: { shape: [], datatype: 'INT64', data: [16000] },
  },
};
