#!/usr/bin/env python3
"""Packs the sample of examples/data from a set of embedded dictionary entries. Needs numpy.

usage: cmake/pack_sample.py SOURCE_FOLDER OUT_FOLDER [ROWS]

SOURCE_FOLDER holds
  wordnet-384-base.f16bin, wordnet-384-query.f16bin   u32 rows, u32 dim, then f16 row-major, little-endian, unit length
  wordnet-payload.jsonl                               one object for each base row
  wordnet-queries.jsonl                               {text, source_row} for each query row
OUT_FOLDER gets the first ROWS (10,000) rows and the queries whose source row is among them; layout: README.md there.
Prints how much of the exact top 10 (cosine) survives the packing to int8.
"""
import json
import os
import sys

import numpy as np

PAYLOAD_FIELDS = ("lemma", "pos", "domain", "gloss", "word_count", "sense_count")


def read_f16(path):
    rows, dim = np.fromfile(path, "<u4", 2)
    return np.fromfile(path, "<f2", offset=8).reshape(rows, dim).astype("f4")


def quantise(vectors):
    """Symmetric int8 with one scale for each row: value = scale * code, codes in [-127, 127]."""
    scales = (np.abs(vectors).max(axis=1) / 127).astype("<f4")
    codes = np.rint(vectors / scales[:, None]).astype("i1")
    return scales, codes


def write_i8(path, scales, codes):
    rows, dim = codes.shape
    packed = np.empty((rows, 4 + dim), "u1")
    packed[:, :4] = scales.view("u1").reshape(rows, 4)
    packed[:, 4:] = codes.view("u1")
    with open(path, "wb") as out:
        np.array([rows, dim], "<u4").tofile(out)
        packed.tofile(out)


def write_lines(path, objects):
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        for o in objects:
            out.write(json.dumps(o, ensure_ascii=False, separators=(",", ":")) + "\n")


def top(queries, base, k):
    unit = base / np.linalg.norm(base, axis=1, keepdims=True)
    return np.argsort(-(queries @ unit.T), axis=1, kind="stable")[:, :k]


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    source, out = sys.argv[1:3]
    rows = int(sys.argv[3]) if len(sys.argv) == 4 else 10_000

    with open(os.path.join(source, "wordnet-payload.jsonl"), encoding="utf-8") as lines:
        payload = [json.loads(line) for _, line in zip(range(rows), lines)]
    with open(os.path.join(source, "wordnet-queries.jsonl"), encoding="utf-8") as lines:
        texts = [json.loads(line) for line in lines]
    base = read_f16(os.path.join(source, "wordnet-384-base.f16bin"))[:rows]
    queries = read_f16(os.path.join(source, "wordnet-384-query.f16bin"))
    kept = [i for i, q in enumerate(texts) if q["source_row"] < rows]
    queries, texts = queries[kept], [texts[i] for i in kept]

    base_scales, base_codes = quantise(base)
    query_scales, query_codes = quantise(queries)
    os.makedirs(out, exist_ok=True)
    write_i8(os.path.join(out, "vectors.i8bin"), base_scales, base_codes)
    write_i8(os.path.join(out, "queries.i8bin"), query_scales, query_codes)
    write_lines(os.path.join(out, "payload.jsonl"), ({f: p[f] for f in PAYLOAD_FIELDS} for p in payload))
    write_lines(os.path.join(out, "queries.jsonl"), ({f: q[f] for f in ("text", "source_row")} for q in texts))

    exact = top(queries, base, 10)
    packed = top(query_codes * query_scales[:, None], base_codes * base_scales[:, None], 10)
    overlap = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact, packed)])
    first = np.mean(exact[:, 0] == packed[:, 0])
    source_rows = np.array([q["source_row"] for q in texts])[:, None]
    print(f"{len(base)} rows, {len(queries)} queries; packed against original: top-10 overlap {overlap:.4f}, "
          f"same nearest {first:.4f}")
    print(f"source entry in the top 10: original {np.mean((exact == source_rows).any(axis=1)):.3f}, "
          f"packed {np.mean((packed == source_rows).any(axis=1)):.3f}")


main()
