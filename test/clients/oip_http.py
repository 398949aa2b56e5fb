"""The Open Inference Protocol over REST with NVIDIA's own client, unchanged: python oip_http.py HOST:PORT FIXTURES"""

import json
import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

address, fixtures = sys.argv[1:]
client = http.InferenceServerClient(address, concurrency=4)


def raises(call, *parts):
    try:
        call()
    except InferenceServerException as error:
        for part in parts:
            assert part in str(error), (part, str(error))
    else:
        raise AssertionError(f"nothing was raised; expected {parts}")


def tensor(name, array, datatype, binary):
    made = http.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


assert client.is_server_live() and client.is_server_ready()
metadata = client.get_server_metadata()
assert metadata["name"] == "nestor" and "binary_tensor_data" in metadata["extensions"], metadata
index = {(entry["name"], entry["version"]): entry["state"] for entry in client.get_model_repository_index()}
assert index[("digits", "1")] == "READY" and len(index) == 4, index
assert client.is_model_ready("digits") and client.is_model_ready("digits", "1") and not client.is_model_ready("none")
assert client.get_model_metadata("digits", "1")["inputs"] == [{"name": "pixels", "datatype": "FP32", "shape": [-1, 64]}]
assert client.get_model_config("digits")["input"] == [{"name": "pixels", "data_type": "TYPE_FP32", "dims": [64]}]

pixels = np.array(json.load(open(f"{fixtures}/digits-heldout.json"))["pixels"][:5], np.float32)
frames = np.array(json.load(open(f"{fixtures}/speech.json"))["frames"][:1], np.float32)
frame = np.zeros((1, 576), np.float32)
frame[:, : frames.shape[1]] = frames
ids = np.array([[101, 7592, 2088, 102]], np.int64)
MODELS = {
    "digits": {"pixels": (pixels, "FP32")},
    "all-minilm-l6-v2": {"input_ids": (ids, "INT64"), "attention_mask": (np.ones_like(ids), "INT64"), "token_type_ids": (np.zeros_like(ids), "INT64")},
    "silero-vad": {"input": (frame, "FP32"), "state": (np.zeros((2, 1, 128), np.float32), "FP32"), "sr": (np.array(16000, np.int64), "INT64")},
    "text-orientation": {},
}
spec = client.get_model_metadata("text-orientation")["inputs"][0]
MODELS["text-orientation"][spec["name"]] = (np.linspace(-1, 1, 3 * 48 * 192, dtype=np.float32).reshape(1, 3, 48, 192), "FP32")

for model, tensors in MODELS.items():
    known = {entry["name"] for entry in client.get_model_metadata(model)["inputs"]}
    names = [entry["name"] for entry in client.get_model_metadata(model)["outputs"]]
    answers = []
    for binary_in in (True, False):
        inputs = [tensor(name, *value, binary_in) for name, value in tensors.items() if name in known]
        for outputs in (None, *([http.InferRequestedOutput(name, binary_data=binary) for name in names] for binary in (True, False))):
            answers.append(client.infer(model, inputs, outputs=outputs, request_id="42"))
            assert answers[-1].get_response()["id"] == "42"
        answers.append(client.infer(model, inputs, model_version="1", request_compression_algorithm="gzip", response_compression_algorithm="deflate"))
    first = {name: answers[0].as_numpy(name) for name in names}
    for answer in answers[1:]:
        for name, expected in first.items():
            np.testing.assert_array_equal(answer.as_numpy(name), expected)
    single = client.infer(model, inputs, outputs=[http.InferRequestedOutput(names[-1])], priority=1, timeout=30_000_000)
    assert [output["name"] for output in single.get_response()["outputs"]] == [names[-1]]
    np.testing.assert_array_equal(single.as_numpy(names[-1]), first[names[-1]])

good = tensor("pixels", pixels, "FP32", True)
raises(lambda: client.infer("none", [good]), "none", "[404]")
raises(lambda: client.infer("digits", [good], model_version="7"), "7", "[404]")
raises(lambda: client.infer("digits", [tensor("pixel", pixels, "FP32", True)]), "pixels", "[400]")
raises(lambda: client.infer("digits", [tensor("pixels", pixels[:, :63].copy(), "FP32", True)]), "[-1, 64]", "[400]")
raises(lambda: client.infer("digits", [tensor("pixels", pixels.astype(np.int32), "INT32", False)]), "FP32", "[400]")
raises(lambda: client.infer("digits", [good], outputs=[http.InferRequestedOutput("none")]), "none", "[400]")
raises(lambda: client.infer("digits", [good], outputs=[http.InferRequestedOutput("label", class_count=3)]), "lassification", "[501]")
raises(lambda: client.infer("digits", [good], sequence_id=7, sequence_start=True), "Sequences", "[501]")
shared = http.InferInput("pixels", [5, 64], "FP32")
shared.set_shared_memory("region", 1280)
raises(lambda: client.infer("digits", [shared]), "hared memory", "[501]")
raises(lambda: client.load_model("digits", config="{}"), "repository", "[501]")
raises(lambda: client.load_model("none"), "none", "[404]")

stats = client.get_inference_statistics("digits")["model_stats"][0]
assert stats["inference_stats"]["success"]["count"] >= 9 and stats["inference_count"] >= 45 and stats["execution_count"] > 0, stats
assert len(client.get_inference_statistics()["model_stats"]) == 4

client.unload_model("digits")
assert not client.is_model_ready("digits")
raises(lambda: client.infer("digits", [good]), "digits", "[404]")
client.load_model("digits")
assert client.is_model_ready("digits") and client.infer("digits", [good]).as_numpy("label").shape == (5,)
assert {(entry["name"], entry["state"]) for entry in client.get_model_repository_index()} >= {("digits", "READY")}
print("ok")
