"""FastAPI with the batching queue of many a blog post: wait 5 ms for up to 16, run them as one."""

import asyncio

from fastapi.concurrency import run_in_threadpool

from engine import Digits, Embedder
from fastapi_routes import create_app

MAX_BATCH, MAX_WAIT = 16, 0.005


class Queue:
    def __init__(self, work):
        self.work, self.items, self.loop = work, asyncio.Queue(), None

    async def __call__(self, inputs):
        if self.loop is None:  # not earlier: a task needs the running event loop
            self.loop = asyncio.create_task(self.run())
        futures = [asyncio.get_running_loop().create_future() for _ in inputs]
        for item in zip(inputs, futures):
            self.items.put_nowait(item)
        return await asyncio.gather(*futures)

    async def collect(self):
        batch = [await self.items.get()]
        try:
            async with asyncio.timeout(MAX_WAIT):
                while len(batch) < MAX_BATCH:
                    batch.append(await self.items.get())
        except TimeoutError:
            pass
        return batch

    async def run(self):
        while True:
            batch = await self.collect()
            try:
                results = await run_in_threadpool(self.work, [item for item, _ in batch])
            except Exception as error:
                for _, future in batch:
                    future.set_exception(error)
                continue
            for (_, future), result in zip(batch, results):
                future.set_result(result)


app = create_app(Queue(Embedder()), Queue(Digits()))
