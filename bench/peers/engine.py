"""What every peer shares: the same model files, the same tokenizer, the same answers."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

MODELS = Path(os.environ["BENCH_MODELS"])
EMBEDDINGS = MODELS / "all-minilm-l6-v2" / "1"
DIGITS = MODELS / "digits" / "1"
THREADS = int(os.environ.get("INTRA_OP_THREADS", "0"))  # 0: ONNX Runtime's default, all cores


def session(folder, threads=THREADS):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])


def load_tokenizer():
    tokenizer = Tokenizer.from_file(str(EMBEDDINGS / "tokenizer.json"))
    tokenizer.no_padding()  # the file pads every text to 128 tokens
    limit = json.loads((EMBEDDINGS / "sentence_bert_config.json").read_text())["max_seq_length"]
    tokenizer.enable_truncation(limit)  # as Sentence Transformers does, whatever the file says
    return tokenizer


def feeds(encodings):
    """The model's inputs for one batch, padded to its longest text."""
    longest = max(len(encoding.ids) for encoding in encodings)
    ids = np.zeros((len(encodings), longest), np.int64)
    mask = np.zeros_like(ids)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding.ids)] = encoding.ids
        mask[row, : len(encoding.ids)] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


class Embedder:
    def __init__(self):
        self.tokenizer, self.session = load_tokenizer(), session(EMBEDDINGS)

    def __call__(self, texts):
        """One vector and one number of tokens for each text."""
        encodings = [self.tokenizer.encode(text) for text in texts]
        vectors = self.session.run(["sentence_embedding"], feeds(encodings))[0]
        return list(zip(vectors.tolist(), (len(encoding.ids) for encoding in encodings)))


class Digits:
    def __init__(self):
        self.session = session(DIGITS)

    def __call__(self, rows):
        """What the model says of each picture."""
        labels, probabilities = self.session.run(None, {"pixels": np.asarray(rows, np.float32)})
        pairs = zip(labels.tolist(), probabilities.tolist())
        return [{"label": label, "probabilities": scores} for label, scores in pairs]


def embeddings_answer(model, results):
    """OpenAI's shape."""
    tokens = sum(count for _, count in results)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, (vector, _) in enumerate(results)
        ],
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
