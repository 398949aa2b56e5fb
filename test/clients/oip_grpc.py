"""The Open Inference Protocol over gRPC with NVIDIA's own client, unchanged: python oip_grpc.py HOST:PORT HTTP_HOST:PORT FIXTURES"""

import asyncio
import sys

import grpc as transport
import numpy as np
import tritonclient.grpc as grpc
import tritonclient.grpc.aio as grpc_aio
import tritonclient.http as http
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from oip_models import tensors
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

address, http_address, fixtures = sys.argv[1:]
client = grpc.InferenceServerClient(address)
rest = http.InferenceServerClient(http_address)


def raises(call, status, *parts):
    try:
        call()
    except InferenceServerException as error:
        assert error.status() == f"StatusCode.{status}", (status, error.status(), str(error))
        for part in parts:
            assert part in str(error), (part, str(error))
    else:
        raise AssertionError(f"nothing was raised; expected {status}")


def tensor(name, array, datatype, module=grpc, **options):
    made = module.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, **options)
    return made


assert client.is_server_live() and client.is_server_ready()
metadata = client.get_server_metadata()
assert metadata.name == "nestor" and "statistics" in metadata.extensions, metadata
index = {(entry.name, entry.version): entry.state for entry in client.get_model_repository_index().models}
assert index[("digits", "1")] == "READY" and len(index) == 4, index
assert client.is_model_ready("digits") and client.is_model_ready("digits", "1")
assert not client.is_model_ready("none") and not client.is_model_ready("digits", "7")
assert client.get_model_metadata("digits", "1", as_json=True)["inputs"] == [{"name": "pixels", "datatype": "FP32", "shape": ["-1", "64"]}]
config = client.get_model_config("silero-vad").config
assert [tuple(entry.dims) for entry in config.input] and config.backend == "onnxruntime" and config.platform == "onnxruntime_onnx", config
digits = client.get_model_config("digits").config
assert digits.input[0].data_type == 11 and list(digits.input[0].dims) == [64] and digits.instance_group[0].kind == 2, digits

models = tensors(fixtures, lambda model: {entry.name for entry in client.get_model_metadata(model).inputs})
assert len(models) == 4
for model, values in models.items():
    names = [entry.name for entry in client.get_model_metadata(model).outputs]
    inputs = [tensor(name, *value) for name, value in values.items()]
    expected = rest.infer(model, [tensor(name, *value, http, binary_data=True) for name, value in values.items()])
    answers = [
        client.infer(model, inputs, request_id="42"),
        client.infer(model, inputs, model_version="1", outputs=[grpc.InferRequestedOutput(name) for name in names], client_timeout=60),
        client.infer(model, inputs, compression_algorithm="gzip", priority=1, timeout=30_000_000),
    ]
    assert answers[0].get_response().id == "42" and answers[0].get_response().model_version == "1"
    assert len(answers[0].get_response().raw_output_contents) == len(names)
    for answer in answers:
        for name in names:
            assert answer.as_numpy(name).tobytes() == expected.as_numpy(name).tobytes(), (model, name)
    single = client.infer(model, inputs, outputs=[grpc.InferRequestedOutput(names[-1])])
    assert [output.name for output in single.get_response().outputs] == [names[-1]]

pixels = models["digits"]["pixels"][0]
good = tensor("pixels", pixels, "FP32")
raises(lambda: client.infer("none", [good]), "NOT_FOUND", "none")
raises(lambda: client.infer("digits", [good], model_version="7"), "NOT_FOUND", "7")
raises(lambda: client.get_model_metadata("none"), "NOT_FOUND", "none")
raises(lambda: client.get_model_config("none"), "NOT_FOUND", "none")
raises(lambda: client.infer("digits", [tensor("pixel", pixels, "FP32")]), "INVALID_ARGUMENT", "pixels")
raises(lambda: client.infer("digits", [tensor("pixels", pixels[:, :63].copy(), "FP32")]), "INVALID_ARGUMENT", "[-1, 64]")
raises(lambda: client.infer("digits", [tensor("pixels", pixels.astype(np.int32), "INT32")]), "INVALID_ARGUMENT", "FP32")
raises(lambda: client.infer("digits", [good], outputs=[grpc.InferRequestedOutput("none")]), "INVALID_ARGUMENT", "none")
raises(lambda: client.infer("digits", [good], outputs=[grpc.InferRequestedOutput("label", class_count=3)]), "UNIMPLEMENTED", "lassification")
raises(lambda: client.infer("digits", [good], sequence_id=7, sequence_start=True), "UNIMPLEMENTED", "Sequences")
raises(lambda: client.infer("digits", [good], timeout=1), "DEADLINE_EXCEEDED")
shared = grpc.InferInput("pixels", [5, 64], "FP32")
shared.set_shared_memory("region", 1280)
raises(lambda: client.infer("digits", [shared]), "UNIMPLEMENTED", "hared memory")
raises(lambda: client.load_model("digits"), "UNIMPLEMENTED")
raises(lambda: client.unload_model("digits"), "UNIMPLEMENTED")

stats = client.get_inference_statistics("digits").model_stats[0]
assert stats.inference_stats.success.count >= 5 and stats.inference_count >= 25 and stats.execution_count > 0, stats
assert len(client.get_inference_statistics().model_stats) == 4


async def aio():
    async with grpc_aio.InferenceServerClient(address) as other:
        assert await other.is_server_live() and await other.is_server_ready() and await other.is_model_ready("digits")
        assert (await other.get_server_metadata()).name == "nestor"
        assert len((await other.get_model_repository_index()).models) == 4
        for model, values in models.items():
            inputs = [tensor(name, *value) for name, value in values.items()]
            answers = await asyncio.gather(*(other.infer(model, inputs) for _ in range(4)))
            for output in answers[0].get_response().outputs:
                expected = client.infer(model, inputs).as_numpy(output.name)
                for answer in answers:
                    np.testing.assert_allclose(answer.as_numpy(output.name), expected, atol=1e-5)
        try:
            await other.infer("none", [good])
        except InferenceServerException as error:
            assert error.status() == "StatusCode.NOT_FOUND", error
        else:
            raise AssertionError("nothing was raised")


asyncio.run(aio())

# Reflection, and by it: every field has the number, name and type that Triton's own files give it.
reflected = ProtoReflectionDescriptorDatabase(transport.insecure_channel(address))
assert {"inference.GRPCInferenceService", "grpc.health.v1.Health"} <= set(reflected.get_services()), reflected.get_services()
ours = DescriptorPool(reflected).FindServiceByName("inference.GRPCInferenceService")
theirs = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
compared = set()


def compare(mine, triton):
    if mine.full_name in compared:
        return
    compared.add(mine.full_name)
    assert mine.full_name == triton.full_name, (mine.full_name, triton.full_name)
    for field in mine.fields:
        other = triton.fields_by_name[field.name]
        assert (field.number, field.type, field.is_repeated) == (other.number, other.type, other.is_repeated), (mine.full_name, field.name)
        if field.message_type:
            compare(field.message_type, other.message_type)
        if field.enum_type:
            values = {value.name: value.number for value in other.enum_type.values}
            assert {value.name: value.number for value in field.enum_type.values}.items() <= values.items(), field.enum_type.full_name


for method in ours.methods:
    compare(method.input_type, theirs.methods_by_name[method.name].input_type)
    compare(method.output_type, theirs.methods_by_name[method.name].output_type)
assert len(ours.methods) == 11 and len(compared) > 35, compared
print("ok")
