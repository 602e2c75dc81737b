"""Write the goldens: what each trained class does, at toy size, on which its training depends.

    python tools/golden.py [--check] [NAME...]

One that has not moved is left as it is. A training stage depends on `golden/NAME.json` and on no
code: run this after a change that is meant to change a result, and `dvc repro` trains anew. With
--check nothing is written, and the exit status says whether one has moved."""
import argparse, os, sys
from pathlib import Path

os.environ['TQDM_DISABLE'] = '1'

import torch

from sketchnb.methods.golden import golden, moved, read_golden, write_golden
from sketchnb.methods.registry import methods

ROOT = Path(__file__).resolve().parent.parent

def write(names:list[str]):
    "Write the goldens of `names`, of classes"
    for name in names:
        new = write_golden(ROOT/f'golden/{name}.json', golden(methods()[name]))
        print(f'golden/{name}.json: ' + ('written' if new else 'as it was'))

def check(names:list[str]):
    "Exit with a list of those of `names` whose golden has moved, or isn't there"
    found = {name: moved(read_golden(ROOT/f'golden/{name}.json'), golden(methods()[name]))
             for name in names}
    lines = [f'golden/{name}.json: moved: {parts[0]}' for name, parts in found.items() if parts]
    if lines: sys.exit('\n'.join([*lines, 'if that is meant, run `make golden`']))
    print(f'{len(names)} goldens')

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('names', nargs='*', metavar='NAME', help='classes, by default all')
    p.add_argument('--check', action='store_true', help='write nothing, say which have moved')
    a = p.parse_args()
    unknown = sorted({*a.names} - {*methods()})
    if unknown: p.error(f"no class {unknown[0]!r}; there are {', '.join(methods())}")
    torch.set_num_threads(1)
    (check if a.check else write)(a.names or list(methods()))
