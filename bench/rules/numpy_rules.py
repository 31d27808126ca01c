"""Plain numpy forms of the rules, timed: python3 numpy_rules.py N D REPEATS prints {"rule": milliseconds} as JSON."""

import itertools
import json
import sys
import time

import numpy as np

F = 3


def squared_distances(x):
    return np.array([[((a - b) ** 2).sum() for b in x] for a in x])


def krum_scores(x):
    return np.sort(squared_distances(x), axis=1)[:, 1 : len(x) - F - 1].sum(axis=1)


def nearest_mean(x, center, count):
    order = np.argsort(np.abs(x - center), axis=0)[:count]
    return np.take_along_axis(x, order, axis=0).mean(axis=0)


def meamed(x, f=F):
    return nearest_mean(x, np.median(x, axis=0), len(x) - f)


def geometric_median(x, iterations=3, nu=0.1):
    z = np.median(x, axis=0)
    for _ in range(iterations):
        weights = 1 / np.maximum(np.linalg.norm(x - z, axis=1), nu)
        z = (weights[:, None] * x).sum(axis=0) / weights.sum()
    return z


def centered_clipping(x, tau=10.0):
    v = np.median(x, axis=0)
    difference = x - v
    scale = np.minimum(1, tau / np.linalg.norm(difference, axis=1))
    return v + (difference * scale[:, None]).mean(axis=0)


def bulyan(x):
    distances, left, chosen = squared_distances(x), list(range(len(x))), []
    while len(chosen) < len(x) - 2 * F:
        part = np.sort(distances[np.ix_(left, left)], axis=1)[:, 1 : max(2, len(left) - F - 1)].sum(axis=1)
        chosen.append(left.pop(int(part.argmin())))
    return meamed(x[chosen], 2 * F)


def mda(x):
    distances = squared_distances(x)
    subsets = itertools.combinations(range(len(x)), len(x) - F)
    return x[list(min(subsets, key=lambda s: distances[np.ix_(s, s)].max()))].mean(axis=0)


def smea(x):
    gram = x @ x.T

    def top(subset):
        part = gram[np.ix_(subset, subset)]
        part = part - part.mean(axis=0) - part.mean(axis=1)[:, None] + part.mean()
        return np.linalg.eigvalsh(part)[-1]

    return x[list(min(itertools.combinations(range(len(x)), len(x) - F), key=top))].mean(axis=0)


def caf(x):
    c, best, result = np.ones(len(x)), np.inf, None
    while c.sum() > len(x) - 2 * F:
        mean = (c[:, None] * x).sum(axis=0) / c.sum()
        difference = x - mean
        root = np.sqrt(c)
        values, vectors = np.linalg.eigh(root[:, None] * (difference @ difference.T) * root)
        if values[-1] / c.sum() < best:
            best, result = values[-1] / c.sum(), mean
        scores = ((difference @ difference.T) @ (root * vectors[:, -1])) ** 2
        c = c * (1 - scores / scores[c > 0].max()).clip(0)
    return result


def faba(x):
    for _ in range(F):
        x = np.delete(x, np.linalg.norm(x - x.mean(axis=0), axis=1).argmax(), axis=0)
    return x.mean(axis=0)


def dnc(x, dimensions=10_000):
    part = x[:, np.random.default_rng(1).choice(x.shape[1], min(dimensions, x.shape[1]), replace=False)]
    part = part - part.mean(axis=0)
    scores = (part @ np.linalg.svd(part, full_matrices=False)[2][0]) ** 2
    return x[np.argsort(scores)[: len(x) - F]].mean(axis=0)


def zeno(x, losses=np.arange(16) * 5 % 16, penalty=0.1 / 200):
    return x[np.argsort(losses[: len(x)] + penalty * (x * x).mean(axis=1))[: len(x) - F]].mean(axis=0)


def nnm(x):
    return np.stack([x[row].mean(axis=0) for row in np.argsort(squared_distances(x), axis=1)[:, : len(x) - F]])


def clipped(x, norms, most):
    return x * np.minimum(1, most / norms)[:, None]


def arc(x):
    norms = np.linalg.norm(x, axis=1)
    return clipped(x, norms, np.sort(norms)[::-1][2 * F * (len(x) - F) // len(x)])


RULES = {
    "mean": lambda x: x.mean(axis=0),
    "median": lambda x: np.median(x, axis=0),
    "trimmed-mean": lambda x: np.sort(x, axis=0)[F : len(x) - F].mean(axis=0),
    "meamed": meamed,
    "geometric-median": geometric_median,
    "krum": lambda x: x[krum_scores(x).argmin()].copy(),
    "multi-krum": lambda x: x[np.argsort(krum_scores(x))[: len(x) - F]].mean(axis=0),
    "bulyan": bulyan,
    "centered-clipping": centered_clipping,
    "mda": mda,
    "monna": lambda x: x[np.argsort(np.linalg.norm(x - x[0], axis=1))[: len(x) - F]].mean(axis=0),
    "caf": caf,
    "smea": smea,
    "faba": faba,
    "dnc": dnc,
    "sign-majority": lambda x: np.sign(np.sign(x).sum(axis=0)),
    "zeno": zeno,
    "nnm": nnm,
    "bucketing": lambda x: np.stack([x[k : k + 2].mean(axis=0) for k in range(0, len(x), 2)]),
    "clipping": lambda x: clipped(x, np.linalg.norm(x, axis=1), 2.0),
    "arc": arc,
    "Gram product": lambda x: x @ x.T,
}


def main():
    n, d, repeats = (int(word) for word in sys.argv[1:])
    x = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
    times = {}
    for name, rule in RULES.items():
        spent = []
        for _ in range(repeats):
            started = time.perf_counter()
            rule(x)
            spent.append(time.perf_counter() - started)
        times[name] = sorted(spent)[len(spent) // 2] * 1000
    print(json.dumps({"numpy": np.__version__, "times": times}))


main()
