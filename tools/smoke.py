"""Every stage from nothing, at the smallest size, in a temporary copy.

    python tools/smoke.py [--keep] [--limit SECONDS]

Copied is what git tracks or would track, changes included, without dvc.lock and results: nothing can be restored. There
params/smoke.yaml is laid over params.yaml, `dvc repro` runs all stages, those of the studies first, trainings and what they then see two at once, and
then every metrics file must hold finite numbers and a second `dvc repro` must find nothing to do."""
import argparse, json, math, os, re, shutil, signal, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import warm

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = {'store', 'metrics', 'reports', 'dvc.lock', 'data.dvc', 'studies/results', 'studies/dvc.lock'}
RUNNING, COPIES = set(), set()  # process groups and folders, for `end_at_signal`
BEFORE = [[sys.executable, 'tools/world.py']]  # commands that make what stages need but no stage makes

INTERVAL = re.compile(r'\.values\..+\.[12]$')  # of a value; null where a row has none

class Failed(Exception): pass

def environment(root:Path=ROOT, threads:int=2) -> dict:
    "Of a process that works in `root`: its library, this interpreter's commands, no network, fixed threads"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return os.environ | dict(PATH=path, PYTHONPATH=str(root), OMP_NUM_THREADS=str(threads), PYTHONHASHSEED='0', HF_HUB_OFFLINE='1',
        TRANSFORMERS_OFFLINE='1', HF_HUB_DISABLE_TELEMETRY='1', TOKENIZERS_PARALLELISM='false', DVC_NO_ANALYTICS='1')

def copy(dest:Path, root:Path=ROOT):
    "Copy to `dest` what git tracks or would track, but for `LEFT_OUT`"
    names = subprocess.run(['git', 'ls-files', '-coz', '--exclude-standard'], cwd=root, check=True, capture_output=True, text=True)
    for n in filter(None, names.stdout.split('\0')):
        if any(Path(n).is_relative_to(o) for o in LEFT_OUT) or not (root/n).is_file(): continue  # a deleted file is still in git's index
        (dest/n).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root/n, dest/n)

def run(cmd:list, cwd:Path, limit:float, env:dict) -> str:
    "Output of `cmd`; `Failed` with its end if it doesn't succeed in `limit` seconds, when all it started is ended"
    p = subprocess.Popen(cmd, cwd=cwd, env=env, start_new_session=True, text=True, errors='replace',
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    RUNNING.add(p.pid)
    try: out, why = p.communicate(timeout=limit)[0], f'exit status {p.returncode}'
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        why = f'not done after {limit:.0f} s'
        try: out = p.communicate(timeout=30)[0]
        except subprocess.TimeoutExpired: out = ''  # something that it started, in a group of its own, still holds the pipe
    finally: RUNNING.discard(p.pid)
    if p.returncode: raise Failed(f"{' '.join(map(str, cmd))}: {why}\n{tail(out)}")
    return out

def end_at_signal():
    "From now on an interruption ends what was started, too, and removes the temporary copy"
    def end(number, _):
        for pid in list(RUNNING): os.killpg(pid, signal.SIGKILL)
        for folder in COPIES: shutil.rmtree(folder, ignore_errors=True)
        os._exit(128+number)
    for s in signal.SIGINT, signal.SIGTERM: signal.signal(s, end)

def tail(text:str, n:int=40) -> str:
    "The last `n` lines, of each what a terminal would show"
    return '\n'.join(l.rstrip('\r').rsplit('\r', 1)[-1] for l in text.split('\n')[-n:]).rstrip()

def numbers(o, at:str=''):
    "Every leaf of the JSON value `o`, with its place"
    if isinstance(o, dict): items = o.items()
    elif isinstance(o, list): items = enumerate(o)
    else: return [(at, o)]
    return [leaf for k, v in items for leaf in numbers(v, f'{at}.{k}' if at else str(k))]

def check_metrics(folder:Path) -> int:
    "Number of metrics files in `folder`; `Failed` if there is none, or one is empty or holds NaN, infinity or null"
    files = sorted(folder.rglob('*.json'))
    if not files: raise Failed(f'no metrics file in {folder.name}/')
    for f in files:
        leaves = numbers(json.loads(f.read_text()))
        if not any(isinstance(v, (int, float)) for _, v in leaves): raise Failed(f'{f.name}: holds no number')
        bad = [f'{at} is {v}' for at, v in leaves if isinstance(v, float) and not math.isfinite(v) or v is None and not INTERVAL.search(at)]
        if bad: raise Failed(f"{f.name}: {'; '.join(bad[:5])}")
    return len(files)

def declared(cwd:Path, env:dict) -> list[str]:
    "Metrics files and folders that dvc.yaml declares"
    code = "from dvc.repo import Repo\nwith Repo() as r: print(*[o.fs_path for o in r.index.outs if o.metric], sep='\\n')"
    return run([sys.executable, '-c', code], cwd, 60, env).split()

DVC = [sys.executable, '-m', 'dvc']

def two_at_once(kinds:str, cwd:Path, left, env:dict) -> str:
    "Output of the stages of `kinds`, a regular expression, which don't need each other"
    names = run([*DVC, 'stage', 'list', '--all', '--name-only'], cwd, left(), env).split()
    names = [n for n in names if re.fullmatch(f'(.*:)?({kinds})@.*', n)]
    halves = [half for half in (names[::2], names[1::2]) if half]  # without a name, `dvc repro` would run everything
    def repro(some): return run([*DVC, '--wait-for-lock', 'repro', '-s', *some], cwd, left(), env)
    with ThreadPoolExecutor(2) as ex: return ''.join(ex.map(repro, halves))

@contextmanager
def warm_kernels(cwd:Path, env:dict):
    "`env` in which notebooks of `cwd` get a kernel that has imported everything already"
    with tempfile.TemporaryDirectory(prefix='sketchnb-warm-') as folder:
        path = Path(folder)/'socket'
        warm.kernelspec(Path(folder), path)
        server = subprocess.Popen([sys.executable, 'tools/warm.py', 'serve', str(path)], cwd=cwd, env=env, start_new_session=True)
        RUNNING.add(server.pid)
        try:
            while not path.exists():
                if server.poll() is not None: raise Failed('tools/warm.py ended, see above')
                time.sleep(.1)
            yield env | dict(JUPYTER_PATH=folder)
        finally:
            os.killpg(server.pid, signal.SIGKILL)  # its kernels, too
            server.wait()
            RUNNING.discard(server.pid)

def smoke(limit:float=1500, keep:bool=False) -> str:
    "Run it; a line that says what was done, or `Failed`"
    start, tmp = time.monotonic(), Path(tempfile.mkdtemp(prefix='sketchnb-smoke-'))
    COPIES.add(tmp)
    env = environment(tmp) | {'DVC_SITE_CACHE_DIR': str(tmp/'.dvc/tmp/site')}
    left = lambda: limit-(time.monotonic()-start)
    try:
        copy(tmp)
        for cmd in [['git', 'init', '-q'], [sys.executable, 'tools/size.py', 'smoke'], *BEFORE]: run(cmd, tmp, left(), env)
        with warm_kernels(tmp, env) as quick:
            out = run([*DVC, 'repro', 'source', 'pretrain', 'pretrain-sd', 'train', 'method@matchmaker'], tmp, left(), quick)
            out += ''.join(two_at_once(k, tmp, left, quick) for k in ('method|scene-method|study', 'extract|embed|scene-embed|embed-study'))
            out += run([*DVC, 'repro', 'studies/dvc.yaml'], tmp, left(), quick)
            (tmp/'studies/results').mkdir()
            for f in (tmp/'build/studies').glob('*/*.*'): shutil.copy(f, tmp/'studies/results')
            out += run([*DVC, 'repro'], tmp, left(), quick)
        stages = sum(l.startswith('Running stage') for l in out.splitlines())
        if not stages: raise Failed(f'dvc.yaml has no stage that ran\n{tail(out)}')
        if absent := [f for f in declared(tmp, env) if not Path(f).exists()]: raise Failed(f'not written: {absent}')
        n = check_metrics(tmp/'metrics') + check_metrics(tmp/'studies/results')
        again = run([*DVC, 'repro', '--all-pipelines'], tmp, left(), env)
        if 'Running stage' in again: raise Failed(f'a second `dvc repro` ran stages again\n{tail(again)}')
        return f'{stages} stages, {n} metrics files, {time.monotonic()-start:.0f} s'
    finally:
        if keep: print(f'kept: {tmp}')
        else: shutil.rmtree(tmp, ignore_errors=True)

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--keep', action='store_true', help="don't remove the temporary copy")
    p.add_argument('--limit', type=float, default=1500, help='seconds after which it has failed')
    a = p.parse_args()
    end_at_signal()
    try: print(smoke(a.limit, a.keep))
    except Failed as e: sys.exit(f'smoke: {e}')
