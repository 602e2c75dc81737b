"""Every stage from nothing, at the smallest size, in a temporary copy.

    python tools/smoke.py [--keep] [--limit SECONDS]

Copied is what git tracks or would track, changes included, without dvc.lock and results: nothing
can be restored. There params/smoke.yaml is laid over params.yaml, `dvc repro` runs all stages,
those of the studies first, trainings and what they then see two at once, and then every metrics
file must hold finite numbers and a second `dvc repro` must find nothing to do. A method of one's
own (tools/example) is added before: its chapter and its block must be all that it takes."""
import argparse, json, math, re, shutil, subprocess, sys, tempfile, time
from collections.abc import Callable
from pathlib import Path

from commands import COPIES, DVC, ROOT, RUNNING, Failed, end_at_signal, environment, run, tail
from repro import at_once
from size import resize
from warm import warm

RESULTS = {'metrics', 'reports', 'dvc.lock', 'studies/results', 'studies/dvc.lock'}
LEFT_OUT = {'store', 'data.dvc', *RESULTS}
BEFORE = [[sys.executable, 'tools/world.py']]  # makes what stages need but no stage makes
EXAMPLE = 'tools/example/90_clip_probe.ipynb', 'tools/example/clip-probe.yaml'  # a method of one's own
# of studies, an entry of each kind; the others are like one of them
STUDIED = ['rival-clip', 'ablation-none', 'border-25', 'loss-none', 'scene-text', 'scene-graph',
           'scene-baseline-1', 'scene-full-1', 'scene-long', 'rank-full']
EXAMPLE_ROW = 'linear probe on CLIP'
FIRST = ['source', 'pretrain', 'pretrain-sd', 'train@matchmaker']  # others need these
STEPS = ['baseline|train', 'fusion', 'embed', 'evaluate']  # of the main run and of studies
INTERVAL = re.compile(r'\.values\..+\.[12]$')  # of a value; null where a row has none

# Metrics

def numbers(value:object, at:str='') -> list[tuple]:
    "Every leaf of the JSON `value`, with its place"
    if not isinstance(value, (dict, list)): return [(at, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [leaf for key, x in items for leaf in numbers(x, f'{at}.{key}' if at else str(key))]

def is_bad(at:str, value:object) -> bool:
    "Whether `value` is NaN, infinite or null, and not the interval of a row that has none"
    if isinstance(value, float): return not math.isfinite(value)
    return value is None and not INTERVAL.search(at)

def check_metrics(folder:Path) -> int:
    "Number of metrics files in `folder`; `Failed` if none, or one is empty or not finite"
    files = sorted(folder.rglob('*.json'))
    if not files: raise Failed(f'no metrics file in {folder.name}/')
    for path in files:
        leaves = numbers(json.loads(path.read_text()))
        has_number = any(isinstance(value, (int, float)) for _, value in leaves)
        if not has_number: raise Failed(f'{path.name}: holds no number')
        bad = [f'{at} is {value}' for at, value in leaves if is_bad(at, value)]
        if bad: raise Failed(f"{path.name}: {'; '.join(bad[:5])}")
    return len(files)

def declared(cwd:Path, env:dict) -> list[str]:
    "Metrics files and folders that dvc.yaml declares"
    code = '''from dvc.repo import Repo
with Repo() as repo: print(*[out.fs_path for out in repo.index.outs if out.metric], sep='\\n')'''
    return run([sys.executable, '-c', code], cwd, 60, env).split()

# The run

def copy(dest:Path, root:Path=ROOT):
    "Copy to `dest` what git tracks or would track, but for `LEFT_OUT`"
    cmd = ['git', 'ls-files', '-coz', '--exclude-standard']
    names = subprocess.run(cmd, cwd=root, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split('\0')):
        if any(Path(name).is_relative_to(part) for part in LEFT_OUT): continue
        if not (root/name).is_file(): continue  # a deleted file is still in git's index
        (dest/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root/name, dest/name)

def all_stages(cwd:Path, left:Callable[[], float], env:dict) -> str:
    "Run every stage in the copy `cwd`; what was said"
    with warm(cwd, env, RUNNING) as quick:
        out = run([*DVC, 'repro', *FIRST], cwd, left(), quick)
        for kinds in STEPS:
            out += at_once(kinds, cwd, quick, left, studies=True)
        out += run([*DVC, 'repro', 'studies/dvc.yaml'], cwd, left(), quick)
        (cwd/'studies/results').mkdir()
        for path in (cwd/'build/studies/results').glob('*/*'):
            shutil.copy(path, cwd/'studies/results')
        return out + run([*DVC, 'repro'], cwd, left(), quick)

def add_example(cwd:Path, left:Callable[[], float], env:dict):
    "In the copy `cwd`, add the example of a method of one's own: its chapter and its block"
    notebook, block = EXAMPLE
    shutil.copy(cwd/notebook, cwd/'nbs/methods')
    run(['nbdev_export'], cwd, left(), env)
    run([sys.executable, 'tools/size.py', str(cwd/block)], cwd, left(), env)
    run([sys.executable, 'tools/golden.py', 'clipprobe'], cwd, left(), env)

def in_copy(tmp:Path, left:Callable[[], float]) -> str:
    "Do it all in the empty folder `tmp`; how much was done, or `Failed`"
    env = environment(tmp) | {'DVC_SITE_CACHE_DIR': str(tmp/'.dvc/tmp/site')}
    copy(tmp)
    run(['git', 'init', '-q'], tmp, left(), env)
    resize(tmp/'params.yaml', tmp/'params/smoke.yaml', STUDIED)
    for cmd in BEFORE:
        run(cmd, tmp, left(), env)
    add_example(tmp, left, env)
    out = all_stages(tmp, left, env)
    stages = sum(line.startswith('Running stage') for line in out.splitlines())
    if not stages: raise Failed(f'dvc.yaml has no stage that ran\n{tail(out)}')
    absent = [path for path in declared(tmp, env) if not Path(path).exists()]
    if absent: raise Failed(f'not written: {absent}')
    found = EXAMPLE_ROW in (tmp/'reports/tables/category.md').read_text()
    if not found: raise Failed(f"reports/tables/category.md has no row {EXAMPLE_ROW!r}")
    n = check_metrics(tmp/'metrics') + check_metrics(tmp/'studies/results')
    again = run([*DVC, 'repro', '--all-pipelines'], tmp, left(), env)
    ran_again = 'Running stage' in again
    if ran_again: raise Failed(f'a second `dvc repro` ran stages again\n{tail(again)}')
    return f'{stages} stages, {n} metrics files'

def smoke(limit:float=1500, keep:bool=False) -> str:
    "Run it; a line that says what was done, or `Failed`"
    start = time.monotonic()
    tmp = Path(tempfile.mkdtemp(prefix='sketchnb-smoke-'))
    COPIES.add(tmp)
    try:
        done = in_copy(tmp, lambda: limit-(time.monotonic()-start))
        return f'{done}, {time.monotonic()-start:.0f} s'
    finally:
        if keep:
            print(f'kept: {tmp}')
        else:
            shutil.rmtree(tmp, ignore_errors=True)

def main():
    "From the command line"
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument('--keep', action='store_true', help="don't remove the temporary copy")
    parser.add_argument('--limit', type=float, default=1500, help='seconds until it has failed')
    args = parser.parse_args()
    end_at_signal()
    try:
        print(smoke(args.limit, args.keep))
    except Failed as error:
        sys.exit(f'smoke: {error}')

if __name__ == '__main__':
    main()
