"""BentoML with its adaptive batching (BATCH rows at most), or without it (BATCH=1)."""

import os
from typing import Annotated

import bentoml
from pydantic import BeforeValidator

from engine import Digits, Embedder, embeddings_answer

BATCH = int(os.environ["BATCH"])
# max_latency_ms is not a wait: BentoML refuses what it expects to take longer, and this bench measures answers.
OPTIONS = {"batchable": True, "max_batch_size": BATCH, "max_latency_ms": 60_000} if BATCH > 1 else {}

# A batchable route takes a list and gives a list; OpenAI's clients send one text as a string.
Texts = Annotated[list[str], BeforeValidator(lambda text: [text] if isinstance(text, str) else text)]


@bentoml.service(
    workers=int(os.environ["WORKERS"]),
    traffic={"timeout": 600},
    logging={"access": {"enabled": False}},
)
class Service:
    def __init__(self):
        self.embedder, self.digits = Embedder(), Digits()

    @bentoml.api(route="/v1/embeddings", **OPTIONS)
    def embeddings(self, input: Texts) -> list[dict]:
        return [embeddings_answer("all-minilm-l6-v2", [result]) for result in self.embedder(input)]

    @bentoml.api(route="/v1/models/digits/predict", **OPTIONS)
    def predict(self, instances: list[list[float]]) -> list[dict]:
        return self.digits(instances)
