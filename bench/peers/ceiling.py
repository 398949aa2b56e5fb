"""The ceiling: texts offline through ONNX Runtime, tokenized before, sorted by length, on all cores.

Answers each line of stdin, {"rates": texts} or {"vectors": texts}, with one of stdout.
"""

import json
import os
import sys
import time
from functools import cache
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


def work(threads, inbox, barrier, taken):
    """One process: of all batches that come in takes the next until none is left."""
    model = session(EMBEDDINGS, threads)
    while True:
        batches = inbox.get()
        for batch in batches[:: len(batches) // 10 + 1]:
            model.run(["sentence_embedding"], batch)
        barrier.wait()
        while True:
            with taken.get_lock():
                index, taken.value = taken.value, taken.value + 1
            if index >= len(batches):
                break
            model.run(["sentence_embedding"], batches[index])
        barrier.wait()


class Processes:
    """So many, each with a session of so many threads."""

    def __init__(self, count, threads):
        context = get_context("spawn")
        self.barrier, self.taken = context.Barrier(count + 1), context.Value("q", 0)
        self.inboxes = [context.SimpleQueue() for _ in range(count)]
        for inbox in self.inboxes:
            shared = (threads, inbox, self.barrier, self.taken)
            context.Process(target=work, args=shared, daemon=True).start()

    def texts_per_second(self, texts):
        batches = pack([tokenizer.encode(text) for text in texts])
        self.taken.value = 0
        for inbox in self.inboxes:
            inbox.put(batches)
        self.barrier.wait()
        begin = time.perf_counter()
        self.barrier.wait()
        return len(texts) / (time.perf_counter() - begin)


@cache
def processes(count, threads):
    return Processes(count, threads)


def rates(texts):
    cores = os.cpu_count()
    return {
        "oneSession": processes(1, cores).texts_per_second(texts),
        "oneProcessPerCore": processes(cores, 1).texts_per_second(texts),
    }


@cache
def model():
    return session(EMBEDDINGS)


def vectors(texts):
    encodings = [tokenizer.encode(text) for text in texts]
    return [model().run(["sentence_embedding"], feeds([each]))[0][0].tolist() for each in encodings]


if __name__ == "__main__":
    tokenizer = load_tokenizer()
    answers = {"rates": rates, "vectors": vectors}
    for line in sys.stdin:
        [(question, texts)] = json.loads(line).items()
        print(json.dumps(answers[question](texts)), flush=True)
