"""Tensors for the shipped models, by the names of their inputs: what every client of the Open Inference Protocol sends."""

import json

import numpy as np


def tensors(fixtures, metadata):
    """By model, by input: array and datatype. metadata(model) answers the names of its inputs."""
    pixels = np.array(json.load(open(f"{fixtures}/digits-heldout.json"))["pixels"][:5], np.float32)
    frames = np.array(json.load(open(f"{fixtures}/speech.json"))["frames"][:1], np.float32)
    frame = np.zeros((1, 576), np.float32)
    frame[:, : frames.shape[1]] = frames
    ids = np.array([[101, 7592, 2088, 102]], np.int64)
    strip = np.linspace(-1, 1, 3 * 48 * 192, dtype=np.float32).reshape(1, 3, 48, 192)
    models = {
        "digits": {"pixels": (pixels, "FP32")},
        "all-minilm-l6-v2": {"input_ids": (ids, "INT64"), "attention_mask": (np.ones_like(ids), "INT64"), "token_type_ids": (np.zeros_like(ids), "INT64")},
        "silero-vad": {"input": (frame, "FP32"), "state": (np.zeros((2, 1, 128), np.float32), "FP32"), "sr": (np.array(16000, np.int64), "INT64")},
        "text-orientation": {name: (strip, "FP32") for name in metadata("text-orientation")},
    }
    return {model: {name: value for name, value in inputs.items() if name in metadata(model)} for model, inputs in models.items()}
