"""Mutated files for every reader: `make fuzz N=100000`, and about two thousand cases in `make test`.

A case is a valid folder with one to three mutations, chosen by (seed, reader, number) alone, so that any of them can be
made again: `python scripts/fuzz_readers.py --case record:1234`. A reader that is new is one entry in `readers.READERS`:
what writes its valid folder, which files are mutated how, and what a command does with the folder.
"""
