"""Restore from the repository's own remote what no clone has to make: data and trained weights.

    python tools/restore.py [--missing]

That is every DVC output that is pushed, so all of them but those marked `push: false` or `cache:
false`; there is no list to keep. With --missing, only what isn't there at all; what is there is
left, changed or not. (Targets go by path and the result is looked at, because `dvc pull data.dvc
models/x` of DVC 3.67 restores only data.dvc, with exit status 0.)"""
import os, subprocess, sys
from pathlib import Path

from dvc.repo import Repo

ROOT = Path(__file__).resolve().parent.parent

def pushed() -> dict:
    "{path of each output that is pushed: its content hash, None before it was first made}"
    def value(info):
        return info.value if info else None
    with Repo(ROOT) as repo:
        ours = [out for out in repo.index.outs if out.use_cache and out.can_push]
        outs = {out.fs_path: value(out.hash_info) for out in ours}
    return {Path(path).relative_to(ROOT).as_posix(): outs[path] for path in sorted(outs)}

def restore(missing_only:bool=False) -> list[str]:
    "Pull; the paths that are there now. Exits if one couldn't be restored"
    outs = pushed()
    made = [path for path, oid in outs.items() if oid]
    want = [path for path in made if not (missing_only and (ROOT/path).exists())]
    cmd = [sys.executable, '-m', 'dvc', 'pull', *want]
    if want and subprocess.run(cmd, cwd=ROOT).returncode:
        sys.exit('restore: `dvc pull` failed, see above')
    absent = [path for path in want if not (ROOT/path).exists()]
    if absent:
        sys.exit(f"restore: not restored: {', '.join(absent)}")
    new = [path for path in outs if path not in made]
    if new:
        print(f"not made yet, `dvc repro` will: {', '.join(new)}")
    return made

if __name__ == '__main__':
    os.environ.setdefault('DVC_NO_ANALYTICS', '1')
    print('restored:', *restore('--missing' in sys.argv) or ['nothing'])
