#!/usr/bin/python3
"""Trains the demo's network and writes digits.onnx and samples.npz beside this file.

Needs Debian's python3-torch and python3-sklearn; takes about two minutes. Not part of the demo:
its two files are committed.
"""
import pathlib

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

HELD_OUT = 360  # samples that training never sees; they are the demo's
EPOCHS = 60
OPSET = 17


class Digits(nn.Module):
    """8x8 grey pictures -> 10 logits: a stem, a separable block with a shortcut, a classifier."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24),
                                  nn.ReLU(), nn.Conv2d(24, 48, 3, padding=1, bias=False),
                                  nn.BatchNorm2d(48), nn.ReLU())
        self.block = nn.Sequential(nn.Conv2d(48, 48, 3, padding=1, groups=48, bias=False),
                                   nn.BatchNorm2d(48), nn.ReLU6(),
                                   nn.Conv2d(48, 48, 1, bias=False), nn.BatchNorm2d(48))
        self.pool = nn.MaxPool2d(2)
        self.top = nn.Sequential(nn.Conv2d(48, 64, 3, padding=1, bias=False),
                                 nn.BatchNorm2d(64), nn.ReLU())
        self.classifier = nn.Linear(64, 10)

    def forward(self, pictures):
        x = self.stem(pictures)
        x = self.pool(functional.relu(x + self.block(x)))
        x = self.top(x).mean(dim=(2, 3))
        return self.classifier(x)


def shifted(pictures, generator):
    """Each picture moved by up to one pixel in each direction."""
    padded = functional.pad(pictures, (1, 1, 1, 1))
    dy, dx = torch.randint(0, 3, (2,), generator=generator).tolist()
    return padded[:, :, dy:dy + 8, dx:dx + 8]


def train(pictures, labels, generator):
    model = Digits()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-2)
    steps = EPOCHS * (len(labels) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=steps)
    for epoch in range(EPOCHS):
        order = torch.randperm(len(labels), generator=generator)
        for i in range(len(labels) // 64):
            rows = order[64 * i:64 * i + 64]
            logits = model(shifted(pictures[rows], generator))
            loss = functional.cross_entropy(logits, labels[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    digits = load_digits()
    pictures = torch.tensor(digits.images[:, None] / 16.0, dtype=torch.float32)
    labels = torch.tensor(digits.target, dtype=torch.int64)
    order = torch.randperm(len(labels), generator=generator)
    held_out, rest = order[:HELD_OUT], order[HELD_OUT:]

    model = train(pictures[rest], labels[rest], generator)
    with torch.no_grad():
        right = (model(pictures[held_out]).argmax(1) == labels[held_out]).sum().item()
    print(f"accuracy on {HELD_OUT} held-out samples: {100 * right / HELD_OUT:.2f} %")

    here = pathlib.Path(__file__).resolve().parent
    # PRESERVE keeps the batch norms as nodes: folding them is what an optimizer is for.
    torch.onnx.export(model, pictures[:2], here / "digits.onnx", opset_version=OPSET,
                      input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}},
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    np.savez_compressed(here / "samples.npz", images=pictures[held_out].numpy(),
                        labels=labels[held_out].numpy())


if __name__ == "__main__":
    main()
