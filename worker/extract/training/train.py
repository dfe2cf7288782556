#!/usr/bin/env python3
"""Trains the trees of `src/blocks/model.txt`, and says what pages that were not trained on would get.

    cargo run --release -p leafcutter-extract --example block_rows -- PAGES ROWS
    train.py ROWS ground-truth.json types.json MODEL

PAGES holds NAME.html; the truth is {NAME: {"articleBody": text}}, the types {type: [NAME, ..]}. Needs Python 3.9,
numpy and lightgbm. The figures are means of word F1 over pages, in five folds by page: no page is judged by
trees that saw it. Then the trees are trained once more on all pages and written.
"""
import json
import random
import re
import sys
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path

import lightgbm
import numpy as np

WORD = re.compile(r"\w+")
FOLDS, TREES, REPEAT_WORDS_MIN = 5, 100, 8
SETTINGS = dict(objective="cross_entropy", num_leaves=4, learning_rate=0.1, min_child_samples=40, max_bin=31,
                feature_fraction=0.3, bagging_fraction=0.7, bagging_freq=1, lambda_l2=10, seed=1, verbose=-1)


def words(text):
    return WORD.findall(text.lower())


class Page:
    def __init__(self, rows, truth):
        lines = rows.read_text(encoding="utf-8").split("\n")
        rows = [json.loads(line) for line in lines[1:] if line]
        self.names = json.loads(lines[0])
        self.blocks = [words(text) for text, _ in rows]
        self.numbers = np.array([numbers for _, numbers in rows], dtype=np.float32)
        self.counts = np.array([len(block) for block in self.blocks], float)
        self.truth = Counter(words(truth))
        self.hits = self.label(truth)

    def label(self, truth):
        """The share of each block that stands in the truth."""
        target, flat, owner = words(truth), [], []
        for place, block in enumerate(self.blocks):
            flat += block
            owner += [place] * len(block)
        hits = np.zeros(len(self.blocks))
        for match in SequenceMatcher(None, flat, target, autojunk=False).get_matching_blocks():
            for at in range(match.a, match.a + match.size):
                # One or two words of a longer block are there by chance.
                if match.size >= 3 or match.size >= len(self.blocks[owner[at]]):
                    hits[owner[at]] += 1
        share = hits / np.maximum(1, self.counts)
        # What stands in another order than in the page is found as a line, or by its runs of four words.
        lines = Counter(tuple(words(line)) for line in truth.split("\n"))
        runs = set(zip(*(target[at:] for at in range(4))))
        used = Counter(tuple(block) for block, part in zip(self.blocks, share) if part >= 0.5)
        for place, block in enumerate(self.blocks):
            key = tuple(block)
            if share[place] >= 0.5:
                continue
            if lines[key] > used[key]:
                share[place] = 1
                used[key] += 1
            elif len(block) >= 8 and not used[key]:
                found = sum(run in runs for run in zip(*(block[at:] for at in range(4)))) / (len(block) - 3)
                share[place] = max(found, share[place])
                used[key] += found >= 0.5
        return np.clip(share, 0, 1)

    def weight(self):
        content = (self.counts * self.hits).sum() + 50
        return (self.counts + 1) * 1000 / (content + 0.25 * self.counts.sum())

    def f1(self, likelihood):
        """F1 of the choice that the program makes."""
        order = np.argsort(-likelihood)
        hits, taken = np.cumsum((likelihood * self.counts)[order]), np.cumsum(self.counts[order])
        expected = 2 * hits / (taken + (likelihood * self.counts).sum())
        kept = set(order[: int(np.argmax(expected)) + 1]) if len(order) else set()
        said, out = set(), Counter()
        for place, block in enumerate(self.blocks):
            if place in kept and not (len(block) >= REPEAT_WORDS_MIN and tuple(block) in said):
                said.add(tuple(block))
                out.update(block)
        total = sum(out.values()) + sum(self.truth.values())
        return 2 * sum((out & self.truth).values()) / total if total else 1.0


def train(pages):
    pages = [page for page in pages if page.blocks]
    data = lightgbm.Dataset(np.concatenate([page.numbers for page in pages]),
                            np.concatenate([page.hits for page in pages]),
                            weight=np.concatenate([page.weight() for page in pages]))
    return lightgbm.train(SETTINGS, data, TREES)


def folds(types, seed=0):
    chance, fold = random.Random(seed), {}
    for kind in sorted(types):
        names = sorted(types[kind])
        chance.shuffle(names)
        fold.update({name: place % FOLDS for place, name in enumerate(names)})
    return fold


def cross_validate(pages, types):
    fold, scores = folds(types), {}
    for part in range(FOLDS):
        model = train([page for name, page in pages.items() if fold[name] != part])
        for name, page in pages.items():
            if fold[name] == part:
                scores[name] = page.f1(model.predict(page.numbers) if page.blocks else np.zeros(0))
    for kind in sorted(types):
        print("%-15s %.3f" % (kind, np.mean([scores[name] for name in types[kind]])))
    print("%-15s %.3f" % ("all", np.mean(list(scores.values()))))


def write(model, names, path):
    lines = ["# Trees over the numbers of a block, written by training/train.py; see training/README.md.", " ".join(names)]
    for tree in model.dump_model()["tree_info"]:
        nodes = []

        def put(node):
            place = len(nodes)
            nodes.append(None)
            if "split_feature" not in node:
                nodes[place] = "%.5g" % node["leaf_value"]
                return place
            low, high = put(node["left_child"]), put(node["right_child"])
            nodes[place] = "%d:%.6g:%d:%d" % (node["split_feature"], node["threshold"], low, high)
            return place

        put(tree["tree_structure"])
        lines.append(" ".join(nodes))
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    rows, truth, types, path = sys.argv[1:5]
    truth, types = (json.loads(Path(name).read_text(encoding="utf-8")) for name in (truth, types))
    pages = {name: Page(Path(rows) / (name + ".jsonl"), truth[name]["articleBody"]) for kind in types for name in types[kind]}
    cross_validate(pages, types)
    names = next(page.names for page in pages.values() if page.names)
    write(train(pages.values()), names, path)


if __name__ == "__main__":
    main()
