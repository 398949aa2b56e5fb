"""The routes of every FastAPI form; a form is the two coroutines that it passes in."""

from fastapi import FastAPI
from pydantic import BaseModel

from engine import embeddings_answer


class EmbeddingsRequest(BaseModel):
    model: str
    input: str | list[str]


class Embedding(BaseModel):
    object: str
    index: int
    embedding: list[float]


class Embeddings(BaseModel):
    object: str
    data: list[Embedding]
    model: str
    usage: dict[str, int]


class PredictRequest(BaseModel):
    instances: list[list[float]]


class Prediction(BaseModel):
    label: int
    probabilities: list[float]


class Predictions(BaseModel):
    predictions: list[Prediction]


def create_app(embed, classify):
    app = FastAPI()

    @app.post("/v1/embeddings")
    async def embeddings(request: EmbeddingsRequest) -> Embeddings:
        texts = [request.input] if isinstance(request.input, str) else request.input
        return embeddings_answer(request.model, await embed(texts))

    @app.post("/v1/models/digits/predict")
    async def predict(request: PredictRequest) -> Predictions:
        return {"predictions": await classify(request.instances)}

    @app.get("/health")
    async def health():
        return {"status": "ok"}

    return app
