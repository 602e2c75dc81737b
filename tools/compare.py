"""The metrics that are here against those of a commit, within a tolerance.

    python tools/compare.py [--tol 0.02] [--commit HEAD]

On another kind of machine the last bits differ, so the recomputed numbers can differ a little from the committed ones. This
says whether they agree; exit status 1 if a row is missing or new, or a value is further off than the tolerance."""
import argparse, io, subprocess, sys, tarfile, tempfile
from pathlib import Path

from sketchnb.retrieval.tables import check

ROOT = Path(__file__).resolve().parent.parent

def committed(commit:str, dest:str) -> Path:
    "The folder metrics/ of `commit`, written under `dest`"
    r = subprocess.run(['git', 'archive', commit, 'metrics'], cwd=ROOT, capture_output=True)
    if r.returncode: sys.exit(f'no metrics in {commit}: {r.stderr.decode().strip()}')
    tarfile.open(fileobj=io.BytesIO(r.stdout)).extractall(dest, filter='data')
    return Path(dest)/'metrics'

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--tol', type=float, default=.02)
    p.add_argument('--commit', default='HEAD')
    a = p.parse_args()
    if not any((ROOT/'metrics').rglob('*.json')): sys.exit('no metrics here: run `make repro`')
    with tempfile.TemporaryDirectory() as tmp: differ = check(committed(a.commit, tmp), ROOT/'metrics', a.tol)
    if len(differ): sys.exit(f'{differ.to_string(index=False)}\n{len(differ)} differences from {a.commit} beyond {a.tol:g}')
    print(f'metrics agree with {a.commit} within {a.tol:g}')
