"""The source of notebooks: no outputs, no counts, no metadata but tags. What a stage depends on.

    python tools/source.py nbs/pipeline/train.ipynb [...] build/nbs

Opening, running and saving a notebook changes its file but not its source, so it doesn't make a stage run again.
Directive-only cells that belong to nbdev stay; papermill runs every code cell."""
import json, os, sys
from pathlib import Path

KERNEL = {'display_name': 'python3', 'language': 'python', 'name': 'python3'}  # without all three it isn't a valid notebook

def bare(cell:dict) -> dict:
    "`cell` with its source, its id and its tags only"
    out = {k: cell[k] for k in ('cell_type', 'id', 'source') if k in cell}
    out['metadata'] = {k: v for k, v in cell['metadata'].items() if k == 'tags'}
    if cell['cell_type'] == 'code': out |= {'outputs': [], 'execution_count': None}
    return out

def source(nb:dict) -> dict:
    "`nb` as it would be before it was first opened"
    return {'cells': [bare(c) for c in nb['cells']], 'metadata': {'kernelspec': KERNEL},
            'nbformat': nb['nbformat'], 'nbformat_minor': nb['nbformat_minor']}

def write(src:Path, folder:Path):
    "Write the source of notebook `src` into `folder`"
    folder.mkdir(parents=True, exist_ok=True)
    tmp = folder/f'.{src.name}.{os.getpid()}'
    tmp.write_text(json.dumps(source(json.loads(src.read_text())), indent=1, sort_keys=True, ensure_ascii=False)+'\n')
    tmp.replace(folder/src.name)

if __name__ == '__main__':
    *notebooks, folder = map(Path, sys.argv[1:]) if len(sys.argv) > 2 else sys.exit(__doc__)
    for nb in notebooks: write(nb, folder)
