"""FastAPI with an answer of 384 floats that is there already: what is left is the server itself."""

import json

from fastapi import FastAPI, Response

VECTOR = [((index * 7919) % 1000 - 500) / 4567.0 for index in range(384)]
BODY = json.dumps(
    {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": VECTOR}],
        "model": "all-minilm-l6-v2",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }
).encode()

app = FastAPI()


@app.post("/v1/embeddings")
async def embeddings():
    return Response(BODY, media_type="application/json")


@app.get("/health")
async def health():
    return {"status": "ok"}
