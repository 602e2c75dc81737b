"""Take in weights that were trained elsewhere, as if their stage had run here.

    python tools/adopt.py FOLDER

FOLDER looks like models/: one sub-folder for each backbone, one file NAME.safetensors for each trained method (of the
studies, too), and provenance.json, which says for each of them

    {"clip": {"machine": "1 x H200", "recipe": "9f86d081884c", "minutes": 12.5}, "duet.safetensors": {...}, ...}

Every model must be an output of a stage in dvc.yaml, hold nothing but safetensors and text, be finite, and load. Only when
all are sound are they copied; then `dvc commit` records them, and models/provenance.json where they come from."""
import argparse, hashlib, json, shutil, subprocess, sys
from pathlib import Path

import networkx as nx
from dvc.repo import Repo
from sketchnb.core import atomic

ROOT = Path(__file__).resolve().parent.parent
MODELS, STUDIES, TEXT = ROOT/'models', ROOT/'build/studies', {'.json', '.jsonl', '.txt', '.md'}
KNOWN_BY = {'machine': str, 'recipe': str, 'minutes': (int, float)}

class Unsound(Exception): pass

# Is it sound?

def check_files(folder:Path):
    "Nothing but safetensors and text, no links, all numbers finite; `folder` may be one file"
    from safetensors import SafetensorError, safe_open
    weights = []
    for p in sorted(folder.rglob('*')) if folder.is_dir() else [folder]:
        if p.is_symlink(): raise Unsound(f'{p}: is a link; put the file itself there')
        if p.is_file() and p.suffix not in {'.safetensors', *TEXT}: raise Unsound(f'{p}: only .safetensors and text are taken in')
        if p.suffix == '.safetensors': weights.append(p)
    if not weights: raise Unsound(f'{folder}: holds no .safetensors file')
    for p in weights:
        try:
            with safe_open(p, 'pt') as f: bad = [k for k in f.keys() if not f.get_tensor(k).isfinite().all()]
        except SafetensorError as e: raise Unsound(f'{p}: is no whole safetensors file ({e})') from None
        if bad: raise Unsound(f'{p}: NaN or infinity in {bad[0]}')

def loader(folder:Path):
    "What loads `folder`: a class of diffusers or transformers by its own config, or None for a layout of our own"
    import diffusers, transformers
    if (folder/'model_index.json').exists(): return diffusers.DiffusionPipeline
    if not (folder/'config.json').exists(): return None
    config = json.loads((folder/'config.json').read_text())
    if name := config.get('_class_name'): return getattr(diffusers, name)
    if names := config.get('architectures'): return getattr(transformers, names[0])

def check_loads(folder:Path):
    "Its library loads it without the network; our own layouts have a .json beside the weights, a trained method its recipe within"
    try:
        if folder.is_file():
            from sketchnb.methods.registry import load_method
            return load_method(folder, MODELS)
        if cls := loader(folder): cls.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        elif not list(folder.glob('*.json')): raise Unsound(f'{folder}: no .json says what it is')
    except Unsound: raise
    except Exception as e: raise Unsound(f'{folder}: does not load: {type(e).__name__}: {e}') from e

def check_provenance(path:Path, names:list) -> dict:
    "What `path` says of each of `names`"
    if not path.exists(): raise Unsound(f'{path}: is missing; it says where the weights come from\n{__doc__}')
    said = json.loads(path.read_text())
    for n in names:
        for k, kind in KNOWN_BY.items():
            if not isinstance(said.get(n, {}).get(k), kind): raise Unsound(f'{path}: {n}.{k} is missing or of a wrong type')
    return {n: {k: said[n][k] for k in KNOWN_BY} for n in names}

# Taking it in

def stages() -> tuple[dict, dict]:
    "{name: (its path, its stage)} of models and trained methods, in the order in which they would be made; and the stages each stage needs"
    with Repo(ROOT) as r:
        order = list(reversed(list(nx.topological_sort(r.index.graph))))
        made = {Path(o.fs_path): s.addressing for s in order for o in s.outs if o.can_push or o.fs_path.endswith('.safetensors')}
        needs = {s.addressing: [d.addressing for d in r.index.graph.successors(s) if not d.is_data_source] for s in order}
    return {p.name: (p, s) for p, s in made.items() if p.parent in (MODELS, STUDIES)}, needs

def find(folder:Path, known:dict) -> list[str]:
    "Names of the models in `folder`; `Unsound` if it holds anything else"
    names = [n for n in known if (folder/n).exists()]
    ours = [folder/n for n in names]
    other = [p for p in folder.rglob('*') if p.is_file() and p != folder/'provenance.json' and not any(p.is_relative_to(o) for o in ours)]
    if other: raise Unsound(f"{other[0]}: belongs to no model; stages of dvc.yaml make {', '.join(known) or 'none'}")
    if not names: raise Unsound(f"{folder}: holds none of {', '.join(known) or 'the models, as dvc.yaml makes none'}")
    return names

def dvc(*args) -> str:
    "Output of a dvc command"
    r = subprocess.run([sys.executable, '-m', 'dvc', *args], cwd=ROOT, capture_output=True, text=True)
    if r.returncode: sys.exit(f"dvc {' '.join(args)}:\n{r.stdout}{r.stderr}")
    return r.stdout

def ready(stage:str, known:dict, adopted:list, needs:dict):
    "Make what `stage` needs and has no weights; a trained stage that it needs must be up to date"
    for need in needs[stage]:
        if need in adopted or not json.loads(dvc('status', '--json', need)): continue
        if need in [s for _,s in known.values()]: sys.exit(f'{stage} needs {need}, which is not up to date: adopt both, or run it first')
        dvc('repro', need)

def digests(folder:Path) -> dict:
    "{file: SHA-256} of the weights in `folder`, or of the file that it is"
    return {p.relative_to(folder if folder.is_dir() else folder.parent).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in (sorted(folder.rglob('*.safetensors')) if folder.is_dir() else [folder])}

def adopt(folder:Path):
    "Check all models in `folder`, copy them, record them"
    known, needs = stages()
    names = find(folder, known)
    told = check_provenance(folder/'provenance.json', names)
    for n in names:
        check_files(folder/n)
        check_loads(folder/n)
    adopted = [known[n][1] for n in names]
    for n in names:
        to = known[n][0]
        with atomic(to) as tmp: (shutil.copytree if (folder/n).is_dir() else shutil.copy)(folder/n, tmp)
        told[n]['sha256'] = digests(to)
    for s in dict.fromkeys(adopted):
        ready(s, known, adopted, needs)
        dvc('commit', '--force', s)
    book = MODELS/'provenance.json'
    with atomic(book) as tmp:
        old = json.loads(book.read_text()) if book.exists() else {}
        tmp.write_text(json.dumps(old | told, indent=1, sort_keys=True)+'\n')
    print(f"adopted: {', '.join(names)}. Now `dvc repro` and `dvc push`, then commit dvc.lock, store/ and models/provenance.json")

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('folder')
    folder = p.parse_args().folder
    if not folder or not Path(folder).is_dir(): sys.exit('which folder? `make adopt FROM=folder`')
    try: adopt(Path(folder).resolve())
    except Unsound as e: sys.exit(f'nothing was taken in: {e}')
