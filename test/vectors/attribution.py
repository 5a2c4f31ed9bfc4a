"""Golden vectors for worker/attribution/curvature.ts, made without it.

    pip install numpy && python test/vectors/attribution.py > test/vectors/attribution.json

Whitening is by numpy's Cholesky and general solver, scores by the plain inverse, so a mistake in the TypeScript is
not repeated here. Features are float32; everything else is reckoned in float64.
"""

import json

import numpy as np

DAMPING = 0.5
CAP_QUANTILE = 0.95
STEPS_AT_CAP = 16


def features(rng, examples, width, block_width):
    """Correlated gradients with long tails; one block in which only a held-out example has any."""
    mix = rng.normal(size=(width, width)) * (rng.random((1, width)) ** 3)
    raw = rng.normal(size=(examples, width)) @ mix * np.exp(rng.normal(size=(examples, 1)) * 0.5) * 1e-3
    raw[:, block_width : 2 * block_width] = 0
    raw[3, block_width] = 0.5
    return raw.astype(np.float32)


def whiten(x, factors, block_width):
    out = np.zeros(x.shape)
    for block, factor in enumerate(factors):
        if factor is None:
            continue
        part = slice(block * block_width, (block + 1) * block_width)
        out[part] = np.linalg.solve(factor, x[part].astype(np.float64))
    return out


def main():
    rng = np.random.default_rng(20)
    examples, block_width, width = 24, 8, 32
    x = features(rng, examples, width, block_width)
    trained = np.array([i % 4 != 3 for i in range(examples)])
    queries = (x[:2] + x[5:7] * 0.5).astype(np.float32)
    queries[1] *= 50

    factors, inverses = [], []
    for start in range(0, width, block_width):
        part = x[trained, start : start + block_width].astype(np.float64)
        fisher = part.T @ part / len(part)
        trace = np.trace(fisher)
        damped = fisher + DAMPING * trace / block_width * np.eye(block_width)
        factors.append(np.linalg.cholesky(damped) if trace > 0 else None)
        inverses.append(np.linalg.inv(damped) if trace > 0 else np.zeros(damped.shape))

    white = np.array([whiten(row, factors, block_width) for row in x])
    lengths = np.sort(np.linalg.norm(white[trained], axis=1))
    cap = lengths[int(CAP_QUANTILE * (len(lengths) - 1))]
    scale = STEPS_AT_CAP * np.sqrt(width) / cap

    def quantise(row):
        length = np.linalg.norm(row)
        steps = row * scale * min(1.0, cap / length if length > 0 else 1.0)
        # A value on the edge between two integers would test rounding of the last bit, not the method.
        assert np.all(np.abs(steps - np.floor(steps) - 0.5) > 1e-6)
        return np.clip(np.floor(steps + 0.5), -127, 127).astype(int).tolist()

    def inner(a, b):
        total = 0.0
        for block, inverse in enumerate(inverses):
            part = slice(block * block_width, (block + 1) * block_width)
            total += a[part].astype(np.float64) @ inverse @ b[part].astype(np.float64)
        return total

    print(
        json.dumps(
            {
                "blockWidth": block_width,
                "width": width,
                "trained": trained.tolist(),
                "features": x.flatten().tolist(),
                "queries": queries.flatten().tolist(),
                "cap": cap,
                "scale": scale,
                "rows": [quantise(row) for row in white],
                "queryRows": [quantise(whiten(row, factors, block_width)) for row in queries],
                "products": [[i, j, inner(x[i], x[j])] for i, j in [(0, 0), (0, 1), (4, 9), (3, 7), (12, 20)]],
            }
        )
    )


main()
