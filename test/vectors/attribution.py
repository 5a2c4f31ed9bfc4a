"""Golden vectors for worker/attribution/features.ts and curvature.ts, made without them.

    pip install numpy && python test/vectors/attribution.py > test/vectors/attribution.json

Eigenvectors are LAPACK's, whose order and signs are other ones: what does not depend on them is compared, scores, cap, scale
and of each map in a row the sorted sizes. Features are float32; everything else is reckoned in float64.
"""

import json

import numpy as np

DAMPING = 0.1
CAP_QUANTILE = 0.95
STEPS_AT_CAP = 16
MAPS, RANK, COLUMNS = 6, 3, 4
SIZE = RANK * COLUMNS


def features(rng, examples):
    """Correlated gradients with long tails; one map in which only a held-out example has any."""
    width = MAPS * SIZE
    mix = rng.normal(size=(width, width)) * (rng.random((1, width)) ** 3)
    raw = rng.normal(size=(examples, width)) @ mix * np.exp(rng.normal(size=(examples, 1)) * 0.5) * 1e-3
    raw[:, SIZE : 2 * SIZE] = 0
    raw[3, SIZE] = 0.5
    return raw.astype(np.float32)


def pack(x):
    """int8 on a scale for each map, and what they stand for."""
    maps = x.reshape(len(x), MAPS, SIZE)
    scales = (np.abs(maps).max(2).astype(np.float64) / 127).astype(np.float32)
    steps = maps.astype(np.float64) / np.where(scales > 0, scales, 1)[:, :, None]
    assert np.all(np.abs(steps - np.floor(steps) - 0.5) > 1e-9)
    numbers = np.clip(np.floor(steps + 0.5), -127, 127)
    return numbers.astype(int), scales, numbers * scales[:, :, None].astype(np.float64)


def matrices(flat):
    """(n, maps, columns, rank)."""
    return flat.reshape(len(flat), MAPS, COLUMNS, RANK)


def main():
    rng = np.random.default_rng(20)
    examples = 24
    x = features(rng, examples)
    trained = np.array([i % 4 != 3 for i in range(examples)])
    queries = (x[:2] + x[5:7] * 0.5).astype(np.float32)
    queries[1] *= 50
    numbers, scales, unpacked = pack(x)
    own = matrices(unpacked)
    asked = matrices(queries.astype(np.float64).reshape(len(queries), MAPS, SIZE))

    white, query_white = np.zeros(own.shape), np.zeros(asked.shape)
    for one in range(MAPS):
        g = own[trained, one]
        _, left = np.linalg.eigh(np.einsum("nij,nkj->ik", g, g) / len(g))
        _, right = np.linalg.eigh(np.einsum("nij,nik->jk", g, g) / len(g))
        squares = np.mean((left.T @ g @ right) ** 2, 0)
        if not squares.mean() > 0:
            continue
        divisors = np.sqrt(squares + DAMPING * squares.mean())
        white[:, one] = left.T @ own[:, one] @ right / divisors
        query_white[:, one] = left.T @ asked[:, one] @ right / divisors
    white, query_white = (rows.reshape(len(rows), -1) for rows in (white, query_white))
    width = MAPS * SIZE
    lengths = np.sort(np.linalg.norm(white[trained], axis=1))
    cap = lengths[int(CAP_QUANTILE * (len(lengths) - 1))]
    scale = STEPS_AT_CAP * np.sqrt(width) / cap

    def sizes(row):
        length = np.linalg.norm(row)
        steps = np.abs(row) * scale * min(1.0, cap / length if length > 0 else 1.0)
        # A value on the edge between two integers would test rounding of the last bit, not the method.
        assert np.all(np.abs(steps - np.floor(steps) - 0.5) > 1e-6)
        rounded = np.minimum(np.floor(steps + 0.5), 127).astype(int)
        return np.sort(rounded.reshape(MAPS, SIZE), 1).flatten().tolist()

    print(
        json.dumps(
            {
                "shape": {"maps": MAPS, "rank": RANK, "columns": COLUMNS},
                "trained": trained.tolist(),
                "features": x.flatten().tolist(),
                "numbers": numbers.flatten().tolist(),
                "scales": scales.flatten().tolist(),
                "queries": queries.flatten().tolist(),
                "cap": cap,
                "scale": scale,
                "rowSizes": [sizes(row) for row in white],
                "queryRowSizes": [sizes(row) for row in query_white],
                "products": [[i, j, float(white[i] @ white[j])] for i, j in [(0, 0), (0, 1), (4, 9), (3, 7), (12, 20)]],
            }
        )
    )


main()
