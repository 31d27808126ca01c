"""One training step at a time of the models of packages/engine/src/models, in PyTorch on one thread.

usage: torch-step.py MODEL BATCH < requests

Prints {"parameters", "torch"} once, then for each line read one {"milliseconds", "loss"}: forward, cross-entropy and
backward of one fixed random minibatch of 32 x 32 x 3 (the optimiser's step is no part of it, here as there).
"""

import json
import sys
import time

import torch
from torch import nn


def cnn():
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(4096, 128), nn.ReLU(), nn.Linear(128, 10),
    )


def normed(convolution):
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU()]


def mobilenet():
    blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
    layers = normed(nn.Conv2d(3, 32, 3, padding=1, bias=False))
    channels = 32
    for filters, stride in blocks:
        layers += normed(nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False))
        layers += normed(nn.Conv2d(channels, filters, 1, bias=False))
        channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


class Residual(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.main = nn.Sequential(
            *normed(nn.Conv2d(channels, filters, 3, stride, 1, bias=False)),
            nn.Conv2d(filters, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters),
        )
        projects = stride != 1 or channels != filters
        projection = nn.Conv2d(channels, filters, 1, stride, bias=False)
        self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(filters)) if projects else nn.Identity()

    def forward(self, x):
        return torch.relu(self.main(x) + self.shortcut(x))


def resnet18():
    layers = normed(nn.Conv2d(3, 64, 3, padding=1, bias=False))
    channels = 64
    for filters, stride in [(64, 1), (128, 2), (256, 2), (512, 2)]:
        layers += [Residual(channels, filters, stride), Residual(filters, filters, 1)]
        channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def main():
    name, batch = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = {"cnn": cnn, "mobilenet": mobilenet, "resnet18": resnet18}[name]()
    model.train()
    images = torch.randn(batch, 3, 32, 32)
    labels = torch.randint(0, 10, (batch,))
    parameters = sum(tensor.numel() for tensor in model.parameters())
    print(json.dumps({"parameters": parameters, "torch": torch.__version__}), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        model.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        milliseconds = (time.perf_counter() - start) * 1000
        print(json.dumps({"milliseconds": milliseconds, "loss": loss.item()}), flush=True)


main()
