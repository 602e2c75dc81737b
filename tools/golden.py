"""Write the goldens: what each method and each pretraining does at toy size.

    python tools/golden.py [--check] [NAME...]

One that has not moved is left as it is. A stage that trains or chooses depends on
`golden/NAME.json` and on no code: run this after a change that is meant to change a result, and
`dvc repro` trains anew. With --check nothing is written, and the exit status says whether one has
moved."""
import argparse, os, sys
from pathlib import Path

os.environ['TQDM_DISABLE'] = '1'

import diffusers, torch, transformers

from sketchnb.backbones.pretrain import TOYS, pretraining_golden
from sketchnb.data.pool import pool_golden
from sketchnb.golden import moved, read_golden, write_golden
from sketchnb.methods.golden import golden
from sketchnb.methods.registry import methods

ROOT = Path(__file__).resolve().parent.parent
PRETRAINED = [f'pretrain-{name}' for name in TOYS]

def path_of(name:str) -> Path:
    "Where the golden `name` lies"
    return ROOT/f'golden/{name}.json'

def compute(name:str) -> dict:
    "What the golden `name` would be now"
    if name == 'pool': return pool_golden()
    if name in PRETRAINED: return pretraining_golden(name.removeprefix('pretrain-'))
    return golden(methods()[name])

def write(names:list[str]):
    "Write the goldens `names`"
    for name in names:
        new = write_golden(path_of(name), compute(name))
        print(path_of(name).name, 'written' if new else 'as it was')

def check(names:list[str]):
    "Exit with a list of those of `names` whose golden has moved, or isn't there"
    found = {name: moved(read_golden(path_of(name)), compute(name)) for name in names}
    lines = [f'golden/{name}.json: moved: {parts[0]}' for name, parts in found.items() if parts]
    if lines:
        sys.exit('\n'.join([*lines, 'if that is meant, run `make golden`']))
    print(f'{len(names)} goldens')

def main():
    "From the command line"
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument('names', nargs='*', metavar='NAME', help='by default all')
    parser.add_argument('--check', action='store_true', help='write nothing, say which moved')
    args = parser.parse_args()
    every = [*methods(), *PRETRAINED, 'pool']
    unknown = sorted({*args.names} - {*every})
    if unknown:
        parser.error(f"no golden {unknown[0]!r}; there are {', '.join(every)}")
    torch.set_num_threads(1)
    for library in (transformers, diffusers):
        library.utils.logging.disable_progress_bar()
    names = args.names or every
    if args.check:
        check(names)
    else:
        write(names)

if __name__ == '__main__':
    main()
