"""All that checks the project. Ends with one line, `N passed, N failed`.

    python tools/check.py [--only TEXT]

A check is a function that returns a short remark or raises; what can't run has failed. Each notebook is one check, run as
`nbdev_test` runs it, two at a time, each in a process of its own."""
import argparse, hashlib, json, os, re, shutil, sys, tempfile, time, tomllib, traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import smoke as smoke_run
from dvc.repo import Repo
from smoke import ROOT, Failed, environment

DVC = [sys.executable, '-m', 'dvc']
LIMIT = 600  # seconds for a notebook
LIGHT = 'import sys, sketchnb, sketchnb.core, sketchnb.config; print(*{"torch", "pandas", "matplotlib"} & set(sys.modules))'

def run(cmd:list, limit:float=120, cwd:Path=ROOT, threads:int=2) -> str:
    "Output of `cmd`; `Failed` if it doesn't succeed in `limit` seconds"
    return smoke_run.run(cmd, cwd, limit, environment(ROOT, threads) | {'IPYTHONDIR': f'{tempfile.gettempdir()}/sketchnb-ipython'})

# The notebooks

def notebooks() -> list[Path]:
    "Every notebook of nbs but the stages' (smoke runs those) and, as nbdev has it, those whose name or folder begins with _ or ."
    stages = ''.join((ROOT/name).read_text() for name in ('dvc.yaml', 'studies/dvc.yaml'))
    found = sorted(p for p in (ROOT/'nbs').rglob('*.ipynb') if p.parent.name != 'pipeline' or f'/{p.name} ' not in stages)
    return [p for p in found if not any(part[0] in '_.' for part in p.relative_to(ROOT).parts)]

def run_notebook(path:str):
    "Run the cells of one notebook as `nbdev_test` does; in a process of its own, which ends"
    from nbdev.config import get_config
    from nbdev.process import NBProcessor
    from nbdev.frontmatter import FrontmatterProc
    from nbdev.test import test_nb
    path = Path(path).absolute()
    nb = NBProcessor(path, procs=FrontmatterProc, process=True).nb
    if getattr(nb, 'frontmatter_', {}).get('skip_exec'): sys.exit('skip_exec: nothing was tested')
    if not any(c.cell_type == 'code' and c.source.strip() for c in nb.cells): sys.exit('no code: nothing was tested')
    ok, _ = test_nb(path, skip_flags=get_config().tst_flags.split(), basepath=ROOT)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(not ok)  # a library's threads must not hang the end

def notebook(path:Path):
    "The notebook at `path` runs"
    run([sys.executable, __file__, '--notebook', path], LIMIT, threads=1)

# The tree

def tree(folder:Path) -> dict:
    "{name: bytes} of notebooks and library in `folder`"
    files = [p for part in ('nbs', 'sketchnb') for p in (folder/part).rglob('*') if p.suffix in ('.ipynb', '.py')]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files if '.ipynb_checkpoints' not in p.parts}

def export_and_clean():
    "`nbdev_export` into an empty library and `nbdev_clean` give the files that are here; done in a copy"
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        for name in 'settings.ini', 'pyproject.toml': shutil.copy(ROOT/name, tmp)
        for name in 'nbs', 'sketchnb': (tmp/name).mkdir()
        here = tree(ROOT)
        for name, b in here.items():
            if name.startswith('sketchnb/') and name != 'sketchnb/__init__.py': continue
            (tmp/name).parent.mkdir(parents=True, exist_ok=True)
            (tmp/name).write_bytes(b)
        for cmd in 'nbdev_export', 'nbdev_clean': run([cmd], cwd=tmp)
        there = tree(tmp)
    differ = [n for n in sorted({*here, *there}) if here.get(n) != there.get(n)]
    if differ: raise Failed(f"run `nbdev_export` and `nbdev_clean`, remove what has no notebook: {', '.join(differ)}")

def readme():
    "README.md is what nbs/index.ipynb says"
    run([sys.executable, 'tools/readme.py', '--check'])

def light_import():
    "Importing the package is quick: no torch, no pandas, no matplotlib, nothing printed"
    if out := run([sys.executable, '-c', LIGHT]).strip(): raise Failed(f'it imports or prints: {out}')

def lock():
    "requirements.lock pins every package that pyproject.toml asks for, within its bounds"
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name as canonical
    pins = [Requirement(l) for l in (ROOT/'requirements.lock').read_text().splitlines() if l.strip() and l[0] != '#']
    pinned = {canonical(r.name): next(iter(r.specifier)).version for r in pins if r.marker is None or r.marker.evaluate()}
    project = tomllib.loads((ROOT/'pyproject.toml').read_text())['project']
    wanted = map(Requirement, project['dependencies']+sum(project['optional-dependencies'].values(), []))
    bad = [str(r) for r in wanted if r.name != 'torch' and not r.specifier.contains(pinned.get(canonical(r.name), '0'), prereleases=True)]
    if bad: raise Failed(f"not in requirements.lock, or outside these bounds: {', '.join(bad)}")

# The pipeline

def goldens():
    "Every trained class does what its golden says; after a change that is meant, `make golden`"
    return run([sys.executable, 'tools/golden.py', '--check'], LIMIT, threads=1).strip().splitlines()[-1]

def pipeline():
    "dvc.yaml and studies/dvc.yaml are sound, and ask for params that there are"
    from sketchnb.config import load_params
    try: load_params(ROOT/'params.yaml')
    except ValueError as e: raise Failed(str(e)) from None
    stages = run(DVC+['stage', 'list', '--all', '--name-only']).split()
    if not stages: raise Failed('dvc.yaml has no stages')
    run(DVC+['dag', '--dot'])
    return f'{len(stages)} stages'

def only_waits(stage, unmade:set) -> bool:
    "Whether nothing of `stage` changed, but that it now also reads `unmade`, what stages that never ran will make"
    changed = [c for c in stage.status().get(stage.addressing, []) if c != 'changed checksum']
    read = {p for c in changed if isinstance(c, dict) for p in c.get('changed deps', {})}
    return bool(read) and read <= unmade and all(isinstance(c, dict) and set(c) == {'changed deps'} for c in changed)

def up_to_date():
    """The committed results are those of this code, these params and this data: `dvc repro` would run no stage again.

    A stage that has never run is named, not held against it, nor is one that but waits for what it will make"""
    mend = 'run `dvc repro`, or `dvc commit` after a change that changes no result'
    with Repo(ROOT) as repo:
        ours = [s for s in repo.index.stages if s.cmd and Path(s.path) == ROOT/'dvc.yaml']
        new = [s for s in ours if not any(o.hash_info for o in s.outs)]
        ran = {s.addressing: s for s in ours if s not in new}
        if not ran: return 'nothing has been run yet'
        try: out = run(DVC+['repro', '--dry', '--allow-missing', '--single-item', *ran])
        except Failed as e: raise Failed(f'{mend}\n{e}') from None
        again = re.findall(r"^Running stage '(.+)'", out, flags=re.M)
        unmade = {str(o) for s in new for o in s.outs}
        waiting = [n for n in again if only_waits(ran[n], unmade)]
    if stale := sorted({*again} - {*waiting}): raise Failed(f"{mend}: {', '.join(stale)}")
    unseen = sorted([*(s.addressing for s in new), *waiting])
    return f"not yet run: {', '.join(unseen)}" if unseen else ''

def data_and_weights():
    "The data and the trained weights are here, restored if need be"
    if not (ROOT/'data.dvc').exists(): raise Failed('data.dvc is missing')
    return run([sys.executable, 'tools/restore.py', '--missing'], LIMIT).strip().splitlines()[-1]

def objects(oid:str) -> list[str]:
    "Content hash `oid` and, if it is of a folder, those of its files, as the store has them; each read and compared"
    p = ROOT/'store/files/md5'/oid[:2]/oid[2:]
    if not p.exists(): raise Failed(f'store/ lacks {oid}: run `dvc push`')
    b = p.read_bytes()
    if hashlib.md5(b).hexdigest() != oid.removesuffix('.dir'): raise Failed(f'{p.relative_to(ROOT)} is damaged')
    return [oid] + [o for f in (json.loads(b) if oid.endswith('.dir') else []) for o in objects(f['md5'])]

def store():
    "The repository's own remote holds, whole, all that a fresh clone has to restore"
    from restore import pushed
    outs = pushed()
    new = [p for p, oid in outs.items() if not oid]
    if new or not outs: raise Failed(f"not made yet: {', '.join(new) or 'anything that is pushed'}")
    n = len({o for oid in outs.values() for o in objects(oid)})
    return f'{len(outs)} outs, {n} objects'

def smoke():
    "Every stage runs from nothing, in a temporary copy"
    return smoke_run.smoke()

# All of them

def one(name:str, f) -> bool:
    "Run check `f`, say how it went"
    start = time.monotonic()
    try: ok, said = True, f() or ''
    except Failed as e: ok, said = False, str(e)
    except Exception: ok, said = False, traceback.format_exc()
    remark = f'  ({said})' if ok and said else ''
    print(f"{'ok    ' if ok else 'FAILED'} {time.monotonic()-start:6.1f} s  {name}{remark}", flush=True)
    if not ok: print('\n'.join('    '+l for l in said.splitlines()), flush=True)
    return ok

CHECKS = [light_import, lock, export_and_clean, readme, data_and_weights, store, pipeline, goldens, up_to_date]

def main(only:str='') -> bool:
    "Run the checks whose name holds `only`; did all pass?"
    os.chdir(ROOT)
    first, last = [(f.__name__, f) for f in CHECKS], [(smoke.__name__, smoke)]
    nbs = [(p.relative_to(ROOT).as_posix(), lambda p=p: notebook(p)) for p in notebooks()]
    first, nbs, last = ([c for c in part if only in c[0]] for part in (first, nbs, last))
    res = [one(*c) for c in first]
    with ThreadPoolExecutor(2) as ex: res += ex.map(lambda c: one(*c), nbs)
    res += [one(*c) for c in last]
    print(f'{sum(res)} passed, {len(res)-sum(res)} failed')
    return bool(res) and all(res)

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--only', default='', help='run the checks whose name holds this text')
    p.add_argument('--notebook', help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.notebook: run_notebook(a.notebook)
    smoke_run.end_at_signal()
    sys.exit(not main(a.only))
