"""The Open Inference Protocol over REST with NVIDIA's own client, unchanged: python oip_http.py HOST:PORT FIXTURES"""

import asyncio
import sys

import numpy as np
import tritonclient.http as http
import tritonclient.http.aio as http_aio
from oip_models import tensors
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


def tensor(name, array, datatype, binary, module=http):
    made = module.InferInput(name, list(array.shape), datatype)
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

models = tensors(fixtures, lambda model: {entry["name"] for entry in client.get_model_metadata(model)["inputs"]})
assert len(models) == 4
for model, values in models.items():
    names = [entry["name"] for entry in client.get_model_metadata(model)["outputs"]]
    answers = []
    for binary_in in (True, False):
        inputs = [tensor(name, *value, binary_in) for name, value in values.items()]
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

pixels = models["digits"]["pixels"][0]
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


async def aio():
    async with http_aio.InferenceServerClient(address) as other:
        assert await other.is_server_live() and await other.is_server_ready() and await other.is_model_ready("digits")
        assert (await other.get_server_metadata())["name"] == "nestor" and len(await other.get_model_repository_index()) == 4
        # More than a kilobyte, and aiohttp asks for compression: this client does not decompress what is no tensor.
        assert len((await other.get_inference_statistics())["model_stats"]) == 4
        for model, values in models.items():
            for binary in (True, False):
                inputs = [tensor(name, *value, binary, http_aio) for name, value in values.items()]
                answers = await asyncio.gather(*(other.infer(model, inputs) for _ in range(4)))
                for output in answers[0].get_response()["outputs"]:
                    expected = client.infer(model, inputs).as_numpy(output["name"])
                    for answer in answers:
                        np.testing.assert_allclose(answer.as_numpy(output["name"]), expected, atol=1e-5)
        try:
            await other.infer("none", [good])
        except InferenceServerException as error:
            assert "none" in str(error), error
        else:
            raise AssertionError("nothing was raised")


asyncio.run(aio())

client.unload_model("digits")
assert not client.is_model_ready("digits")
raises(lambda: client.infer("digits", [good]), "digits", "[404]")
client.load_model("digits")
assert client.is_model_ready("digits") and client.infer("digits", [good]).as_numpy("label").shape == (5,)
assert {(entry["name"], entry["state"]) for entry in client.get_model_repository_index()} >= {("digits", "READY")}
print("ok")
