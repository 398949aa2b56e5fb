"""The ceiling: the texts of stdin offline through ONNX Runtime, tokenized before, sorted by length, on all cores."""

import json
import os
import sys
import time
from multiprocessing import get_context

from engine import EMBEDDINGS, feeds, load_tokenizer, session

TOKEN_BUDGET = 512


def pack(encodings):
    """Batches of neighbours in length, the longest first, so that processes finish together."""
    batches, batch = [], []
    for encoding in sorted(encodings, key=lambda encoding: -len(encoding.ids)):
        if batch and len(batch[0].ids) * (len(batch) + 1) > TOKEN_BUDGET:
            batches.append(feeds(batch))
            batch = []
        batch.append(encoding)
    return [*batches, feeds(batch)]


def work(batches, threads, start, taken):
    """One process: takes the next batch until none is left."""
    model = session(EMBEDDINGS, threads)
    for batch in batches[:: len(batches) // 10 + 1]:
        model.run(["sentence_embedding"], batch)
    start.wait()
    while True:
        with taken.get_lock():
            index, taken.value = taken.value, taken.value + 1
        if index >= len(batches):
            break
        model.run(["sentence_embedding"], batches[index])
    start.wait()


def texts_per_second(texts, processes, threads):
    batches = pack([tokenizer.encode(text) for text in texts])
    context = get_context("spawn")
    start, taken = context.Barrier(processes + 1), context.Value("q", 0)
    for _ in range(processes):
        context.Process(target=work, args=(batches, threads, start, taken), daemon=True).start()
    start.wait()
    begin = time.perf_counter()
    start.wait()
    return len(texts) / (time.perf_counter() - begin)


if __name__ == "__main__":
    tokenizer = load_tokenizer()
    texts, cores = json.load(sys.stdin), os.cpu_count()
    model = session(EMBEDDINGS)
    json.dump(
        {
            "oneSession": texts_per_second(texts, 1, cores),
            "oneProcessPerCore": texts_per_second(texts, cores, 1),
            "vectors": [
                model.run(["sentence_embedding"], feeds([tokenizer.encode(text)]))[0][0].tolist()
                for text in texts[:8]
            ],
        },
        sys.stdout,
    )
