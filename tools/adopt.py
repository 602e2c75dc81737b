"""Take in weights that were trained elsewhere, as if their stage had run here.

    python tools/adopt.py FOLDER

FOLDER looks like models/: one sub-folder for each backbone, one file NAME.safetensors for each
trained method (of the studies, too), and provenance.json, which says for each of them

    {"clip": {"machine": "1 x H200", "recipe": "9f86d081884c", "minutes": 12.5},
     "duet.safetensors": {...}, ...}

Every model must be an output of a stage in dvc.yaml, hold nothing but safetensors and text, be
finite, and load. Only when all are sound are they copied; then `dvc commit` records them, and
models/provenance.json where they come from."""
import argparse, hashlib, json, shutil, subprocess, sys
from pathlib import Path

import networkx as nx
from dvc.repo import Repo
from sketchnb.core import atomic

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT/'models'
STUDIES = ROOT/'build/studies'
TEXT = {'.json', '.jsonl', '.txt', '.md'}
KNOWN_BY = {'machine': str, 'recipe': str, 'minutes': (int, float)}

class Unsound(Exception):
    "What was given can't be taken in"

# Is it sound?

def check_finite(path:Path):
    "All numbers of the safetensors file `path` are finite"
    from safetensors import SafetensorError, safe_open
    try:
        with safe_open(path, 'pt') as weights:
            bad = [key for key in weights.keys() if not weights.get_tensor(key).isfinite().all()]
    except SafetensorError as error:
        raise Unsound(f'{path}: is no whole safetensors file ({error})') from None
    if bad: raise Unsound(f'{path}: NaN or infinity in {bad[0]}')

def check_files(folder:Path):
    "Nothing but safetensors and text, no links, all numbers finite; `folder` may be one file"
    paths = sorted(folder.rglob('*')) if folder.is_dir() else [folder]
    for path in paths:
        if path.is_symlink(): raise Unsound(f'{path}: is a link; put the file itself there')
        is_known = path.suffix in {'.safetensors', *TEXT}
        if path.is_file() and not is_known:
            raise Unsound(f'{path}: only .safetensors and text are taken in')
    weights = [path for path in paths if path.suffix == '.safetensors']
    if not weights: raise Unsound(f'{folder}: holds no .safetensors file')
    for path in weights:
        check_finite(path)

def loader(folder:Path) -> type|None:
    """What loads `folder`: a class of diffusers or transformers, by its own config.

    `None` for a layout of our own"""
    import diffusers, transformers
    if (folder/'model_index.json').exists(): return diffusers.DiffusionPipeline
    if not (folder/'config.json').exists(): return None
    config = json.loads((folder/'config.json').read_text())
    if name := config.get('_class_name'): return getattr(diffusers, name)
    if names := config.get('architectures'): return getattr(transformers, names[0])

def load(path:Path):
    "Load the trained method or the backbone at `path`, without the network"
    if path.is_file():
        from sketchnb.methods.registry import load_method
        return load_method(path, MODELS)
    cls = loader(path)
    if cls: return cls.from_pretrained(path, local_files_only=True, use_safetensors=True)
    if not list(path.glob('*.json')): raise Unsound(f'{path}: no .json says what it is')

def check_loads(folder:Path):
    """Its library loads it without the network.

    Our own layouts have a .json beside the weights, a trained method its recipe within"""
    try:
        load(folder)
    except Unsound:
        raise
    except Exception as error:
        what = f'{type(error).__name__}: {error}'
        raise Unsound(f'{folder}: does not load: {what}') from error

def check_provenance(path:Path, names:list) -> dict:
    "What `path` says of each of `names`"
    if not path.exists():
        raise Unsound(f'{path}: is missing; it says where the weights come from\n{__doc__}')
    said = json.loads(path.read_text())
    for name in names:
        for key, kind in KNOWN_BY.items():
            is_there = isinstance(said.get(name, {}).get(key), kind)
            if not is_there: raise Unsound(f'{path}: {name}.{key} is missing or of a wrong type')
    return {name: {key: said[name][key] for key in KNOWN_BY} for name in names}

# Taking it in

def stages() -> tuple[dict, dict]:
    """{name: (its path, its stage)} of models and trained methods; and the stages a stage needs.

    They come in the order in which they would be made"""
    with Repo(ROOT) as repo:
        graph = repo.index.graph
        order = list(reversed(list(nx.topological_sort(graph))))
        outs = [(out, stage.addressing) for stage in order for out in stage.outs]
        made = {Path(out.fs_path): stage for out, stage in outs
                if out.can_push or out.fs_path.endswith('.safetensors')}
        def needed(stage):
            return [x.addressing for x in graph.successors(stage) if not x.is_data_source]
        needs = {stage.addressing: needed(stage) for stage in order}
    ours = [path for path in made if path.parent in (MODELS, STUDIES)]
    return {path.name: (path, made[path]) for path in ours}, needs

def find(folder:Path, known:dict) -> list[str]:
    "Names of the models in `folder`; `Unsound` if it holds anything else"
    names = [name for name in known if (folder/name).exists()]
    def is_ours(path):
        return any(path.is_relative_to(folder/name) for name in names)
    files = [path for path in folder.rglob('*') if path.is_file()]
    other = [path for path in files if path != folder/'provenance.json' and not is_ours(path)]
    listed = ', '.join(known)
    if other:
        made = listed or 'none'
        raise Unsound(f"{other[0]}: belongs to no model; stages of dvc.yaml make {made}")
    if not names:
        raise Unsound(f"{folder}: holds none of {listed or 'the models, as dvc.yaml makes none'}")
    return names

def dvc(*args:str) -> str:
    "Output of a dvc command"
    cmd = [sys.executable, '-m', 'dvc', *args]
    done = subprocess.run(cmd, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"dvc {' '.join(args)}:\n{done.stdout}{done.stderr}")
    return done.stdout

def ready(
    stage:str,
    known:dict,  # as `stages` gives it
    adopted:list,  # stages whose weights came in
    needs:dict  # as `stages` gives it
):
    "Make what `stage` needs and has no weights; a trained stage that it needs must be up to date"
    trained = [made_by for _, made_by in known.values()]
    for need in needs[stage]:
        if need in adopted or not json.loads(dvc('status', '--json', need)): continue
        if need in trained:
            mend = 'adopt both, or run it first'
            sys.exit(f'{stage} needs {need}, which is not up to date: {mend}')
        dvc('repro', need)

def digests(folder:Path) -> dict:
    "{file: SHA-256} of the weights in `folder`, or of the file that it is"
    is_folder = folder.is_dir()
    files = sorted(folder.rglob('*.safetensors')) if is_folder else [folder]
    base = folder if is_folder else folder.parent
    return {path.relative_to(base).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files}

def copy(src:Path, dest:Path):
    "Copy a folder or a file, whole or not at all"
    with atomic(dest) as tmp:
        if src.is_dir():
            shutil.copytree(src, tmp)
        else:
            shutil.copy(src, tmp)

def record(told:dict):
    "Add `told` to models/provenance.json"
    book = MODELS/'provenance.json'
    with atomic(book) as tmp:
        old = json.loads(book.read_text()) if book.exists() else {}
        tmp.write_text(json.dumps(old | told, indent=1, sort_keys=True)+'\n')

def adopt(folder:Path):
    "Check all models in `folder`, copy them, record them"
    known, needs = stages()
    names = find(folder, known)
    told = check_provenance(folder/'provenance.json', names)
    for name in names:
        check_files(folder/name)
        check_loads(folder/name)
    adopted = [known[name][1] for name in names]
    for name in names:
        dest = known[name][0]
        copy(folder/name, dest)
        told[name]['sha256'] = digests(dest)
    for stage in dict.fromkeys(adopted):
        ready(stage, known, adopted, needs)
        dvc('commit', '--force', stage)
    record(told)
    then = 'then commit dvc.lock, store/ and models/provenance.json'
    print(f"adopted: {', '.join(names)}. Now `dvc repro` and `dvc push`, {then}")

if __name__ == '__main__':
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument('folder')
    folder = parser.parse_args().folder
    if not folder or not Path(folder).is_dir():
        sys.exit('which folder? `make adopt FROM=folder`')
    try:
        adopt(Path(folder).resolve())
    except Unsound as error:
        sys.exit(f'nothing was taken in: {error}')
