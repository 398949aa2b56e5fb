"""text-embeddings-inference with Hugging Face's own client, unchanged: python tei.py URL FIXTURES"""

import json
import sys

import numpy as np
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

url, fixtures = sys.argv[1:]
client = InferenceClient(model=url)
sentences = json.load(open(f"{fixtures}/minilm-sentences.json"))[:20]
texts = [sentence["text"] for sentence in sentences]
expected = np.fromfile(f"{fixtures}/minilm-vectors.f32", np.float32).reshape(-1, 384)[:20]


def raises(status, call):
    try:
        call()
    except HfHubHTTPError as error:
        assert error.response.status_code == status, error
        assert set(error.response.json()) == {"error", "error_type"}, error.response.text
    else:
        raise AssertionError(f"nothing was raised; expected {status}")


one = client.feature_extraction(texts[0])
assert one.shape == (1, 384) and one.dtype == np.float32, one.shape
np.testing.assert_allclose(one[0], expected[0], atol=1e-5)
np.testing.assert_allclose(client.feature_extraction(texts), expected, atol=1e-5)
np.testing.assert_allclose(client.feature_extraction(texts, model=f"{url}/embed"), expected, atol=1e-5)
options = {"normalize": True, "truncate": True, "truncation_direction": "left"}
np.testing.assert_allclose(client.feature_extraction(texts[:2], **options), expected[:2], atol=1e-5)

scores = client.sentence_similarity(texts[0], texts[1:5], model=f"{url}/similarity")
np.testing.assert_allclose(scores, expected[1:5] @ expected[0], atol=1e-5)

raises(400, lambda: client.feature_extraction(""))
raises(422, lambda: client.feature_extraction("word " * 1000, model=f"{url}/embed", truncate=False, normalize="maybe"))
print("ok")
