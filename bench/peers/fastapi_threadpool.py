"""FastAPI with the work in Starlette's thread pool, as its documentation advises."""

from fastapi.concurrency import run_in_threadpool

from engine import Digits, Embedder
from fastapi_routes import create_app

embedder, digits = Embedder(), Digits()


async def embed(texts):
    return await run_in_threadpool(embedder, texts)


async def classify(rows):
    return await run_in_threadpool(digits, rows)


app = create_app(embed, classify)
