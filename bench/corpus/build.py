"""Writes texts.txt: 16,000 distinct English texts whose lengths look like mixed traffic, from two Debian packages."""

import gzip
import random
import re
import subprocess
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import rdata
from tokenizers import Tokenizer

HERE = Path(__file__).parent
MODEL = HERE.parents[1] / "models" / "all-minilm-l6-v2" / "1"
COUNT, LONGEST = 16000, 256
# A log-normal spread of token counts: half the texts under 22, a mean near 34 and a long tail.
MEDIAN, SPREAD = 22, 0.94

SENTENCE_END = re.compile(r"""(?<!\bMr\.)(?<!\bMrs\.)(?<!\bDr\.)(?:(?<=[.!?])|(?<=[.!?]["”]))\s+(?=["“A-Z])""")
RUDE = re.compile(r"fuck|shit|bitch|nigg", re.IGNORECASE)


def unpack(package, folder):
    subprocess.run(["apt-get", "download", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    archive = next(folder.glob(f"{package}_*.deb"))
    subprocess.run(["dpkg-deb", "--extract", archive, folder], check=True)


def austen(folder):
    """The paragraphs of six novels, kept by R as one compressed vector of lines each."""
    data = folder / "usr/lib/R/site-library/janeaustenr/data"
    index = rdata.read_rds(data / "Rdata.rdx")
    store = (data / "Rdata.rdb").read_bytes()
    for start, length in index["variables"].values():
        # Each vector starts with its four-byte inflated size.
        packed = store[start + 4 : start + length]
        lines = rdata.conversion.convert(rdata.parser.parse_data(zlib.decompress(packed), extension=".rds"))
        yield from "\n".join(lines).replace("_", "").split("\n\n")


def jargon(folder):
    """The headwords and plain paragraphs of the Jargon File; deeper indents are tables and program text."""
    text = gzip.decompress((folder / "usr/share/dictd/jargon.dict.dz").read_bytes()).decode()
    # The first entries, named 00-something, describe the dictionary itself.
    text = text[text.index("\n", text.rindex("00-database")) :]
    for block in re.sub(r"[{}]", "", text).split("\n\n"):
        lines = block.strip("\n").split("\n")
        if not lines[0].startswith(" ") and " " in lines[0]:
            yield lines[0]
        elif all(re.match(r"    \S", line) for line in lines):
            # Drops the number of a sense and tags such as [common].
            yield re.sub(r"^(\d+\.|\[[^]]*\]|\s)+", "", block)


def texts(paragraphs, chance):
    """Half of the paragraphs stay whole and half become sentences; none is used both ways."""
    for paragraph in paragraphs:
        paragraph = " ".join(paragraph.split())
        yield from [paragraph] if chance.random() < 0.5 else SENTENCE_END.split(paragraph)


def usable(text):
    return re.search("[a-z]{3}", text) and not text.startswith("CHAPTER") and not RUDE.search(text)


def pick(pool, lengths, chance):
    """For each length drawn, takes an unused text of the nearest length there is."""
    shelves = {}
    for text, length in zip(pool, lengths):
        shelves.setdefault(length, []).append(text)
    for _ in range(COUNT):
        wanted = min(LONGEST, chance.lognormvariate(0, SPREAD) * MEDIAN)
        nearest = min(shelves, key=lambda length: abs(length - wanted))
        yield shelves[nearest].pop()
        if not shelves[nearest]:
            del shelves[nearest]


def main():
    chance = random.Random(2024)
    with TemporaryDirectory() as name:
        folder = Path(name)
        unpack("r-cran-janeaustenr", folder)
        unpack("dict-jargon", folder)
        found = [*texts(austen(folder), chance), *texts(jargon(folder), chance)]
    # A dict drops repeats yet keeps the order, which a set would not.
    pool = [text for text in dict.fromkeys(found) if usable(text)]
    chance.shuffle(pool)

    tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    count = {text: len(encoded.ids) for text, encoded in zip(pool, tokenizer.encode_batch(pool))}
    pool = [text for text in pool if count[text] <= LONGEST]
    chosen = list(pick(pool, map(count.get, pool), chance))
    (HERE / "texts.txt").write_text("\n".join(chosen) + "\n")

    lengths = sorted(map(count.get, chosen))
    middle, late = lengths[COUNT // 2], lengths[COUNT * 95 // 100]
    print(f"{COUNT} of {len(pool)} texts; tokens with [CLS] and [SEP]: min {lengths[0]},", end=" ")
    print(f"p50 {middle}, mean {sum(lengths) / COUNT:.1f}, p95 {late}, max {lengths[-1]}")


if __name__ == "__main__":
    main()
