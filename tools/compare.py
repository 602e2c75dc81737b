"""The metrics that are here against those of a commit, within a tolerance.

    python tools/compare.py [--tol 0.02] [--commit HEAD]

On another kind of machine the last bits differ, so the recomputed numbers can differ a little from
the committed ones. This says whether they agree; exit status 1 if a row is missing or new, or a
value is further off than the tolerance."""
import argparse, io, subprocess, sys, tarfile, tempfile
from pathlib import Path

from sketchnb.retrieval.rows import check

ROOT = Path(__file__).resolve().parent.parent

def committed(commit:str, dest:str) -> Path:
    "The folder metrics/ of `commit`, written under `dest`"
    cmd = ['git', 'archive', commit, 'metrics']
    done = subprocess.run(cmd, cwd=ROOT, capture_output=True)
    if done.returncode:
        sys.exit(f'no metrics in {commit}: {done.stderr.decode().strip()}')
    tarfile.open(fileobj=io.BytesIO(done.stdout)).extractall(dest, filter='data')
    return Path(dest)/'metrics'

if __name__ == '__main__':
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument('--tol', type=float, default=.02)
    parser.add_argument('--commit', default='HEAD')
    args = parser.parse_args()
    if not any((ROOT/'metrics').rglob('*.json')):
        sys.exit('no metrics here: run `make repro`')
    with tempfile.TemporaryDirectory() as tmp:
        differ = check(committed(args.commit, tmp), ROOT/'metrics', args.tol)
    if len(differ):
        print(differ.to_string(index=False), file=sys.stderr)
        sys.exit(f'{len(differ)} differences from {args.commit} beyond {args.tol:g}')
    print(f'metrics agree with {args.commit} within {args.tol:g}')
