"""FastAPI with session.run in the async route, as most first versions are written."""

from engine import Digits, Embedder
from fastapi_routes import create_app

embedder, digits = Embedder(), Digits()


async def embed(texts):
    return embedder(texts)


async def classify(rows):
    return digits(rows)


app = create_app(embed, classify)
