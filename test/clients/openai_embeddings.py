"""Embeddings with OpenAI's own client, unchanged: python openai_embeddings.py URL FIXTURES

The server has the shipped models and `narrow`, an embedding model of one worker whose queue holds four texts.
"""

import asyncio
import base64
import json
import sys

import numpy as np
import openai

MODEL = "all-minilm-l6-v2"
url, fixtures = sys.argv[1:]
options = {"base_url": f"{url}/v1", "api_key": "not needed"}
client = openai.OpenAI(**options, max_retries=0)
sentences = json.load(open(f"{fixtures}/minilm-sentences.json"))
expected = np.fromfile(f"{fixtures}/minilm-vectors.f32", "<f4").reshape(len(sentences), -1)
texts = [sentence["text"] for sentence in sentences]
ids = [sentence["ids"] for sentence in sentences]
SOME = 40
CALLERS = 16


def check(response, rows):
    assert response.object == "list" and response.model == MODEL, response
    assert [entry.index for entry in response.data] == list(range(len(rows)))
    tokens = sum(len(ids[row]) for row in rows)
    assert response.usage.prompt_tokens == response.usage.total_tokens == tokens, (response.usage, tokens)
    vectors = []
    for entry in response.data:
        raw = entry.embedding
        vectors.append(np.frombuffer(base64.b64decode(raw), "<f4") if isinstance(raw, str) else np.array(raw, np.float32))
    np.testing.assert_allclose(np.stack(vectors), expected[rows], atol=1e-5)


def raises(kind, call, **attributes):
    try:
        call()
    except openai.APIError as error:
        assert type(error) is kind, (kind, error)
        for name, value in attributes.items():
            assert getattr(error, name) == value, (name, value, getattr(error, name))
        return error
    raise AssertionError(f"nothing was raised; expected {kind.__name__}")


# Without an encoding_format the client asks for base64 and decodes it itself.
for encoding in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}):
    check(client.embeddings.create(model=MODEL, input=texts[0], **encoding), [0])
    check(client.embeddings.create(model=MODEL, input=texts[:SOME], **encoding), list(range(SOME)))
    check(client.embeddings.create(model=MODEL, input=ids[1], **encoding), [1])
    check(client.embeddings.create(model=MODEL, input=[ids[2], ids[1]], **encoding), [2, 1])
short = client.embeddings.create(model=MODEL, input=texts[0], dimensions=64, user="somebody").data[0].embedding
np.testing.assert_allclose(short, expected[0, :64] / np.linalg.norm(expected[0, :64]), atol=1e-5)

assert {"digits", MODEL} <= {model.id for model in client.models.list()}
assert client.models.retrieve("digits").owned_by == "nestor"

invalid = {"status_code": 400, "code": "invalid_request", "type": "invalid_request_error"}
for given, param in [
    ({"input": ""}, "input"),
    ({"input": []}, "input"),
    ({"input": [[101, 100_000, 102]]}, "input[0]"),
    ({"input": "a", "dimensions": 385}, "dimensions"),
    ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
    ({"input": "a", "extra_body": {"nonsense": 1}}, "nonsense"),
]:
    raises(openai.BadRequestError, lambda: client.embeddings.create(model=MODEL, **given), param=param, **invalid)
raises(openai.BadRequestError, lambda: client.embeddings.create(model="digits", input="a"), param="model")
missing = {"status_code": 404, "code": "model_not_found", "param": "model"}
error = raises(openai.NotFoundError, lambda: client.embeddings.create(model="nobody", input="a"), **missing)
assert error.request_id, "X-Request-Id was not found"
raises(openai.NotFoundError, lambda: client.models.retrieve("nobody"), status_code=404)
raises(openai.APITimeoutError, lambda: client.embeddings.create(model=MODEL, input=texts * 5, timeout=0.02))


async def crowd():
    """All at once, in front of a queue with room for four."""
    async with openai.AsyncOpenAI(**options) as crowded:
        check(await crowded.embeddings.create(model=MODEL, input=texts[:SOME]), list(range(SOME)))
        check(await crowded.embeddings.create(model=MODEL, input=[ids[2], ids[1]], encoding_format="float"), [2, 1])
        long = "A long text keeps the model busy for a while. " * 40

        hasty = crowded.with_options(max_retries=0)
        outcomes = await asyncio.gather(
            *(hasty.embeddings.create(model="narrow", input=long) for _ in range(CALLERS)), return_exceptions=True
        )
        refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert refused and all(type(refusal) is openai.RateLimitError for refusal in refused), outcomes
        assert {(refusal.status_code, refusal.code, refusal.type) for refusal in refused} == {(429, "queue_full", "rate_limit_exceeded")}
        assert all(int(refusal.response.headers["retry-after"]) >= 1 for refusal in refused)

        patient = crowded.with_options(max_retries=20)
        answers = await asyncio.gather(
            *(patient.embeddings.with_raw_response.create(model="narrow", input=long) for _ in range(CALLERS))
        )
        assert sum(answer.retries_taken for answer in answers) > 0, "nobody was sent away"
        alone = client.embeddings.create(model=MODEL, input=long).data[0].embedding
        for answer in answers:
            np.testing.assert_allclose(answer.parse().data[0].embedding, alone, atol=1e-5)


asyncio.run(crowd())
print("ok")
