"""The main run: trained models are restored or trained, all else is computed, some stages at once.

    python tools/repro.py [--jobs 2]

Notebooks start from one process that has imported everything, see tools/warm.py."""
import argparse, re, sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from commands import DVC, ROOT, RUNNING, Failed, end_at_signal, environment, run
from warm import warm

TRAINED = ['source', 'pretrain', 'pretrain-sd', 'baseline', 'train', 'fusion']
READING = ['embed', 'evaluate', 'compare|difficulty']  # stages that only read what was trained

def stages(
    kinds:str,  # a regular expression
    cwd:Path,
    env:dict,
    studies:bool=False,  # those of studies, too
) -> list[str]:
    "Names of stages"
    every = ['--all'] if studies else []
    names = run([*DVC, 'stage', 'list', '--name-only', *every], cwd, 60, env).split()
    return [name for name in names if re.fullmatch(f'(.*:)?({kinds})(@.*)?', name)]

def at_once(
    kinds:str,  # of stages that don't need each other, a regular expression
    cwd:Path,
    env:dict,
    left:Callable[[], float|None]=lambda: None,  # the seconds that are left
    jobs:int=2,  # so many at once
    shown:bool=False,  # let the output be seen, don't return it
    studies:bool=False,  # those of studies, too
) -> str:
    "Run stages side by side; what was said"
    names = stages(kinds, cwd, env, studies)
    parts = [names[i::2*jobs] for i in range(2*jobs)]
    parts = [part for part in parts if part]  # without a name `dvc repro` would run everything
    def repro(some):
        cmd = [*DVC, '--wait-for-lock', 'repro', '-s', *some]
        return run(cmd, cwd, left(), env, shown)
    with ThreadPoolExecutor(jobs) as pool:
        return ''.join(pool.map(repro, parts))

def main():
    "From the command line"
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument('--jobs', type=int, default=2, help='stages at once that only read')
    args = parser.parse_args()
    end_at_signal()
    try:
        run([*DVC, 'repro', *TRAINED], ROOT, None, environment(), shown=True)
        with warm(ROOT, environment(threads=1), RUNNING) as env:
            for kinds in READING:
                at_once(kinds, ROOT, env, jobs=args.jobs, shown=True)
            run([*DVC, 'repro'], ROOT, None, env, shown=True)
    except Failed as error:
        sys.exit(f'repro: {error}')

if __name__ == '__main__':
    main()
