"""Puts our entry into the harness's list of candidates, in place of the pattern it has for us."""

import sys

peers, ours = (open(path, encoding="utf-8").read() for path in sys.argv[1:3])
blocks = peers.split("[[candidate]]")
kept = [blocks[0]] + [block for block in blocks[1:] if 'name = "cloudbrain"' not in block]
print("[[candidate]]".join(kept) + "\n" + ours)
