"""Restore from the repository's own remote what no clone has to make: the data and the trained weights.

    python tools/restore.py [--missing]

That is every DVC output that is pushed, so all of them but those marked `push: false` or `cache: false`; there is no list
to keep. With --missing, only what isn't there at all; what is there is left, changed or not. (Targets go by path and the
result is looked at, because `dvc pull data.dvc models/x` of DVC 3.67 restores only data.dvc, with exit status 0.)"""
import os, subprocess, sys
from pathlib import Path

from dvc.repo import Repo

ROOT = Path(__file__).resolve().parent.parent

def pushed() -> dict:
    "{path of each output that is pushed: its content hash, None before it was first made}"
    with Repo(ROOT) as r:
        outs = {o.fs_path: o.hash_info.value if o.hash_info else None for o in r.index.outs if o.use_cache and o.can_push}
    return {Path(p).relative_to(ROOT).as_posix(): oid for p, oid in sorted(outs.items())}

def restore(missing_only:bool=False) -> list[str]:
    "Pull; the paths that are there now. Exits if one couldn't be restored"
    outs = pushed()
    want = [p for p, oid in outs.items() if oid and not (missing_only and (ROOT/p).exists())]
    if want and subprocess.run([sys.executable, '-m', 'dvc', 'pull', *want], cwd=ROOT).returncode:
        sys.exit('restore: `dvc pull` failed, see above')
    if absent := [p for p in want if not (ROOT/p).exists()]: sys.exit(f"restore: not restored: {', '.join(absent)}")
    if new := [p for p, oid in outs.items() if not oid]: print(f"not made yet, `dvc repro` will: {', '.join(new)}")
    return [p for p, oid in outs.items() if oid]

if __name__ == '__main__':
    os.environ.setdefault('DVC_NO_ANALYTICS', '1')
    print('restored:', *restore('--missing' in sys.argv) or ['nothing'])
