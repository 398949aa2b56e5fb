"""Trains the digit classifier 1/model.onnx on scikit-learn's digits and writes its labels, example and fixture."""

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
from onnx import helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

HERE = Path(__file__).parent
FIXTURES = HERE.parents[1] / "test" / "fixtures"


def write_json(path, value):
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")


def train(pixels, labels):
    network = MLPClassifier(hidden_layer_sizes=(64,), alpha=0.1, max_iter=500, random_state=0)
    return make_pipeline(MaxAbsScaler(), network).fit(pixels, labels)


def export(classifier):
    model = to_onnx(
        classifier,
        initial_types=[("pixels", FloatTensorType([None, 64]))],
        options={"zipmap": False},
        target_opset={"": 17, "ai.onnx.ml": 3},
    )
    # skl2onnx leaves the first dimension unnamed or unset; a name tells the server that it may batch.
    widths = {"pixels": [64], "label": [], "probabilities": [10]}
    for value in [*model.graph.input, *model.graph.output]:
        shape = helper.make_tensor_type_proto(0, ["batch", *widths[value.name]]).tensor_type.shape
        value.type.tensor_type.shape.CopyFrom(shape)
    model.graph.name = "digits"
    (HERE / "1" / "model.onnx").write_bytes(model.SerializeToString())


if __name__ == "__main__":
    for folder in (HERE / "1", HERE / "examples"):
        folder.mkdir(exist_ok=True)
    digits = load_digits()
    pixels, held_out, labels, answers = train_test_split(
        digits.data, digits.target, test_size=0.25, random_state=0, stratify=digits.target
    )
    export(train(pixels, labels))

    session = ort.InferenceSession(HERE / "1" / "model.onnx")
    found = session.run(["label"], {"pixels": held_out.astype(np.float32)})[0]
    accuracy = (found == answers).mean()
    print(f"held-out accuracy: {accuracy:.4f} on {len(answers)} digits")
    assert accuracy >= 0.97

    (HERE / "1" / "labels.txt").write_text("".join(f"{digit}\n" for digit in range(10)))
    whole = held_out.astype(int).tolist()
    write_json(HERE / "examples" / "predict.json", {"instances": [whole[0]]})
    write_json(FIXTURES / "digits-heldout.json", {"pixels": whole, "labels": answers.tolist()})
