"""LitServe with its dynamic batching (BATCH, at most 5 ms of waiting), or without it (BATCH=1)."""

import os

import litserve

from engine import Digits, Embedder, embeddings_answer

BATCH = int(os.environ["BATCH"])


class Api(litserve.LitAPI):
    """LitServe hands predict() a list when it batches and one request when it does not."""

    def run(self, inputs):
        raise NotImplementedError

    def predict(self, inputs):
        return self.run(inputs) if BATCH > 1 else self.run([inputs])[0]

    def batch(self, inputs):
        return inputs

    def unbatch(self, output):
        return output


class EmbeddingsApi(Api):
    def setup(self, device):
        self.run = Embedder()

    def decode_request(self, request):
        return request["input"]

    def encode_response(self, output):
        return embeddings_answer("all-minilm-l6-v2", [output])


class DigitsApi(Api):
    def setup(self, device):
        self.run = Digits()

    def decode_request(self, request):
        return request["instances"][0]

    def encode_response(self, output):
        return {"predictions": [output]}


if __name__ == "__main__":
    options = {"max_batch_size": BATCH, "batch_timeout": 0.005 if BATCH > 1 else 0.0}
    server = litserve.LitServer(
        [
            EmbeddingsApi(api_path="/v1/embeddings", **options),
            DigitsApi(api_path="/v1/models/digits/predict", **options),
        ],
        accelerator="cpu",
        workers_per_device=int(os.environ["WORKERS"]),
        timeout=False,
    )
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", generate_client_file=False)
