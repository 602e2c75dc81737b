"""All that checks the project. Ends with one line, `N passed, N failed`.

    python tools/check.py [--only TEXT]

A check is a function that returns a short remark or raises; what can't run has failed. Each
notebook is one check, run as `nbdev_test` runs it, two at a time, each in a process of its own."""
import argparse, hashlib, json, os, re, shutil, sys, tempfile, time, tomllib, traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import commands
import smoke as smoke_run
import style as style_run
from commands import DVC, ROOT, Failed, environment
from dvc.repo import Repo

LIMIT = 600  # seconds for a notebook
LIGHT = """import sys, sketchnb, sketchnb.core, sketchnb.config
print(*{"torch", "pandas", "matplotlib"} & set(sys.modules))"""

def run(
    cmd:list,
    limit:float=120,  # seconds
    cwd:Path=ROOT,
    threads:int=2
) -> str:
    "Output of `cmd`; `Failed` if it doesn't succeed in `limit`"
    env = environment(ROOT, threads)
    env |= {'IPYTHONDIR': f'{tempfile.gettempdir()}/sketchnb-ipython'}
    return commands.run(cmd, cwd, limit, env)

# The notebooks

def notebooks() -> list[Path]:
    """Every notebook of nbs but the stages' (smoke runs those).

    As nbdev has it, those whose name or folder begins with _ or . aren't looked at"""
    stages = ''.join((ROOT/name).read_text() for name in ('dvc.yaml', 'studies/dvc.yaml'))
    every = sorted((ROOT/'nbs').rglob('*.ipynb'))
    found = [path for path in every
             if path.parent.name != 'pipeline' or f'/{path.name} ' not in stages]
    hidden = [any(part[0] in '_.' for part in path.relative_to(ROOT).parts) for path in found]
    return [path for path, is_hidden in zip(found, hidden) if not is_hidden]

def run_notebook(path:str):
    "Run the cells of one notebook as `nbdev_test` does; in a process of its own, which ends"
    from nbdev.config import get_config
    from nbdev.process import NBProcessor
    from nbdev.frontmatter import FrontmatterProc
    from nbdev.test import test_nb
    path = Path(path).absolute()
    nb = NBProcessor(path, procs=FrontmatterProc, process=True).nb
    if getattr(nb, 'frontmatter_', {}).get('skip_exec'):
        sys.exit('skip_exec: nothing was tested')
    if not any(cell.cell_type == 'code' and cell.source.strip() for cell in nb.cells):
        sys.exit('no code: nothing was tested')
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
    every = [path for part in ('nbs', 'sketchnb') for path in (folder/part).rglob('*')]
    files = [path for path in every if path.suffix in ('.ipynb', '.py')]
    files = [path for path in files if '.ipynb_checkpoints' not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

def sources(files:dict) -> dict:
    "Of {name: bytes}, what isn't exported"
    init = 'sketchnb/__init__.py'
    return {n: files[n] for n in files if not n.startswith('sketchnb/') or n == init}

def export_and_clean():
    "In a copy, `nbdev_export` into an empty library and `nbdev_clean` give what is here"
    here = tree(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        tmp = Path(folder)
        for name in 'settings.ini', 'pyproject.toml':
            shutil.copy(ROOT/name, tmp)
        for name in 'nbs', 'sketchnb':
            (tmp/name).mkdir()
        for name, content in sources(here).items():
            (tmp/name).parent.mkdir(parents=True, exist_ok=True)
            (tmp/name).write_bytes(content)
        for cmd in 'nbdev_export', 'nbdev_clean':
            run([cmd], cwd=tmp)
        there = tree(tmp)
    differ = [name for name in sorted({*here, *there}) if here.get(name) != there.get(name)]
    mend = 'run `nbdev_export` and `nbdev_clean`, remove what has no notebook'
    if differ: raise Failed(f"{mend}: {', '.join(differ)}")

def readme():
    "README.md is what nbs/index.ipynb says"
    run([sys.executable, 'tools/readme.py', '--check'])

def style() -> str:
    "What breaks the rules of tools/style_rules.py is what tools/style_todo.txt lists"
    style_run.self_test()
    return style_run.ratchet()

def light_import():
    "Importing the package is quick: no torch, no pandas, no matplotlib, nothing printed"
    out = run([sys.executable, '-c', LIGHT]).strip()
    if out: raise Failed(f'it imports or prints: {out}')

def pinned() -> dict:
    "{package: version} that requirements.lock has for this machine"
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
    lines = (ROOT/'requirements.lock').read_text().splitlines()
    pins = [Requirement(line) for line in lines if line.strip() and line[0] != '#']
    ours = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
    return {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in ours}

def lock():
    "requirements.lock pins every package that pyproject.toml asks for, within its bounds"
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
    project = tomllib.loads((ROOT/'pyproject.toml').read_text())['project']
    extras = sum(project['optional-dependencies'].values(), [])
    versions = pinned()
    def is_bad(wanted):
        version = versions.get(canonicalize_name(wanted.name), '0')
        return wanted.name != 'torch' and not wanted.specifier.contains(version, prereleases=True)
    bad = [str(x) for x in map(Requirement, project['dependencies']+extras) if is_bad(x)]
    if bad: raise Failed(f"not in requirements.lock, or outside these bounds: {', '.join(bad)}")

# The pipeline

def goldens() -> str:
    "All that is trained does what its golden says; after a change that is meant, `make golden`"
    return run([sys.executable, 'tools/golden.py', '--check'], LIMIT, threads=1).splitlines()[-1]

def written_by_dvc(path:Path) -> str:
    "The params file `path` as DVC writes it, when an experiment changes a value"
    from dvc.utils.serialize import modify_yaml
    with tempfile.TemporaryDirectory() as tmp:
        copy = Path(shutil.copy(path, tmp))
        with modify_yaml(copy):
            pass
        return copy.read_text()

def unsaid(section:object, at:str) -> list[str]:
    "Keys of the typed `section`, and of those in it, that only a default in the code sets"
    from sketchnb.config import RowCfg, Section
    if isinstance(section, (list, tuple)):
        return [key for i, part in enumerate(section) for key in unsaid(part, f'{at}.{i}')]
    if not isinstance(section, Section) or isinstance(section, RowCfg): return []
    out = [f'{at}.{key}' for key in {*type(section).model_fields} - section.model_fields_set]
    return out + [key for name, part in section for key in unsaid(part, f'{at}.{name}')]

def params():
    """params.yaml is sound, leaves no number to a default, and is in the form that DVC writes.

    So `dvc exp run -S` changes one line"""
    from sketchnb.config import load_params
    from sketchnb.methods.registry import entry
    path = ROOT/'params.yaml'
    try:
        params = load_params(path)
        for name in [*params.rows, *params.studies.rows]:
            entry(params.block(name), name)
    except ValueError as error:
        raise Failed(str(error)) from None
    hidden = unsaid(params, 'params')
    if hidden: raise Failed(f"only a default sets {', '.join(sorted(hidden))}; add them")
    if written_by_dvc(path) != path.read_text():
        raise Failed('DVC would write params.yaml otherwise: wrap lines over 80 columns as blocks')

def pipeline() -> str:
    "dvc.yaml and studies/dvc.yaml are sound"
    stages = run(DVC+['stage', 'list', '--all', '--name-only']).split()
    if not stages: raise Failed('dvc.yaml has no stages')
    run(DVC+['dag', '--dot'])
    return f'{len(stages)} stages'

def only_waits(stage:object, unmade:set) -> bool:
    "Whether `stage` only changed in also reading `unmade`, what stages that never ran will make"
    changes = stage.status().get(stage.addressing, [])
    changes = [change for change in changes if change != 'changed checksum']
    of_deps = [change for change in changes if isinstance(change, dict)]
    read = {path for change in of_deps for path in change.get('changed deps', {})}
    only_deps = all(isinstance(x, dict) and set(x) == {'changed deps'} for x in changes)
    return bool(read) and read <= unmade and only_deps

MEND = 'run `dvc repro`, or `dvc commit` after a change that changes no result'

def would_run(names:list[str]) -> list[str]:
    "Which of the stages `names` `dvc repro` would run again"
    try:
        out = run(DVC+['repro', '--dry', '--allow-missing', '--single-item', *names])
    except Failed as error:
        raise Failed(f'{MEND}\n{error}') from None
    return re.findall(r"^Running stage '(.+)'", out, flags=re.M)

def up_to_date() -> str:
    """The committed results are those of this code, these params and this data.

    That is, `dvc repro` would run no stage again. A stage that has never run is named, not held
    against it, nor is one that but waits for what it will make"""
    with Repo(ROOT) as repo:
        of_main = [stage for stage in repo.index.stages if Path(stage.path) == ROOT/'dvc.yaml']
        ours = [stage for stage in of_main if stage.cmd]
        new = [stage for stage in ours if not any(out.hash_info for out in stage.outs)]
        ran = {stage.addressing: stage for stage in ours if stage not in new}
        if not ran: return 'nothing has been run yet'
        again = would_run([*ran])
        unmade = {str(out) for stage in new for out in stage.outs}
        with repo.lock:
            waiting = [name for name in again if only_waits(ran[name], unmade)]
    stale = sorted({*again} - {*waiting})
    if stale: raise Failed(f"{MEND}: {', '.join(stale)}")
    unseen = sorted([*(stage.addressing for stage in new), *waiting])
    return f"not yet run: {', '.join(unseen)}" if unseen else ''

def data_and_weights() -> str:
    "The data and the trained weights are here, restored if need be"
    if not (ROOT/'data.dvc').exists(): raise Failed('data.dvc is missing')
    out = run([sys.executable, 'tools/restore.py', '--missing'], LIMIT)
    return out.strip().splitlines()[-1]

def objects(oid:str) -> list[str]:
    """Content hash `oid` and, if it is of a folder, those of its files, as the store has them.

    Each is read and compared"""
    path = ROOT/'store/files/md5'/oid[:2]/oid[2:]
    if not path.exists(): raise Failed(f'store/ lacks {oid}: run `dvc push`')
    content = path.read_bytes()
    is_whole = hashlib.md5(content).hexdigest() == oid.removesuffix('.dir')
    if not is_whole: raise Failed(f'{path.relative_to(ROOT)} is damaged')
    files = json.loads(content) if oid.endswith('.dir') else []
    return [oid] + [inner for file in files for inner in objects(file['md5'])]

def store() -> str:
    "The repository's own remote holds, whole, all that a fresh clone has to restore"
    from restore import pushed
    outs = pushed()
    new = [path for path, oid in outs.items() if not oid]
    if new or not outs: raise Failed(f"not made yet: {', '.join(new) or 'anything that is pushed'}")
    n = len({inner for oid in outs.values() for inner in objects(oid)})
    return f'{len(outs)} outs, {n} objects'

def smoke() -> str:
    "Every stage runs from nothing, in a temporary copy"
    return smoke_run.smoke()

# All of them

def outcome(check:Callable) -> tuple[bool, str]:
    "Whether `check` passes, and its remark or what was wrong"
    try:
        return True, check() or ''
    except Failed as error:
        return False, str(error)
    except Exception:
        return False, traceback.format_exc()

def one(name:str, check:Callable) -> bool:
    "Run `check`, say how it went"
    start = time.monotonic()
    ok, said = outcome(check)
    remark = f'  ({said})' if ok and said else ''
    took = f'{time.monotonic()-start:6.1f} s'
    print(f"{'ok    ' if ok else 'FAILED'} {took}  {name}{remark}", flush=True)
    if not ok:
        print('\n'.join('    '+line for line in said.splitlines()), flush=True)
    return ok

FIRST = [light_import, lock, style, export_and_clean, readme]
CHECKS = [*FIRST, data_and_weights, store, params, pipeline]
BESIDE = [up_to_date, goldens]  # the notebooks: they take long, on one core

def main(only:str='') -> bool:
    "Run the checks whose name holds `only`; did all pass?"
    os.chdir(ROOT)
    paths = {path.relative_to(ROOT).as_posix(): path for path in notebooks()}
    paths = {name: path for name, path in paths.items() if only in name}
    def named(checks):
        return [(check.__name__, check) for check in checks if only in check.__name__]
    two = named(BESIDE) + [(name, partial(notebook, path)) for name, path in paths.items()]
    results = [one(*check) for check in named(CHECKS)]
    with ThreadPoolExecutor(2) as pool:
        results += pool.map(lambda check: one(*check), two)
    results += [one(*check) for check in named([smoke])]
    print(f'{sum(results)} passed, {len(results)-sum(results)} failed')
    return bool(results) and all(results)

if __name__ == '__main__':
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument('--only', default='', help='run the checks whose name holds this text')
    parser.add_argument('--notebook', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.notebook:
        run_notebook(args.notebook)
    commands.end_at_signal()
    sys.exit(not main(args.only))
