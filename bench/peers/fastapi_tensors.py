"""A tensor through an identity model, as bytes and as JSON: the quickest forms of either that one would write by hand."""

import os

import numpy as np
import onnxruntime as ort
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(os.environ["BENCH_TENSOR_MODEL"], options, providers=["CPUExecutionProvider"])
app = FastAPI()


class Tensor(BaseModel):
    shape: list[int]
    data: list[float]


def run(x):
    # In the event loop: a thread costs more than this model does.
    return session.run(None, {"x": x})[0]


@app.post("/raw")
async def raw(request: Request):
    x = np.frombuffer(await request.body(), np.float32).reshape(-1, 3, 224, 224)
    return Response(run(x).tobytes(), media_type="application/octet-stream")


@app.post("/json")
async def json(tensor: Tensor) -> Tensor:
    y = run(np.asarray(tensor.data, np.float32).reshape(tensor.shape))
    return {"shape": y.shape, "data": y.ravel().tolist()}


@app.get("/health")
async def health():
    return {"status": "ok"}
