"""The source of notebooks: their code, no texts, no outputs. What a stage depends on.

    python tools/source.py nbs/pipeline/train.ipynb [...] build/nbs

Opening, running and saving a notebook, or writing about it, changes its file but not its source, so
it doesn't make a stage run again."""
import json, os, sys
from pathlib import Path

# without all three it isn't a valid notebook
KERNEL = {'display_name': 'python3', 'language': 'python', 'name': 'python3'}

def bare(cell:dict) -> dict:
    "`cell` with its source, its id and its tags only"
    out = {key: cell[key] for key in ('cell_type', 'id', 'source') if key in cell}
    out['metadata'] = {key: value for key, value in cell['metadata'].items() if key == 'tags'}
    return out | {'outputs': [], 'execution_count': None}

def source(nb:dict) -> dict:
    "The code of `nb`, as it would be before it was first opened"
    return {
        'cells': [bare(cell) for cell in nb['cells'] if cell['cell_type'] == 'code'],
        'metadata': {'kernelspec': KERNEL},
        'nbformat': nb['nbformat'],
        'nbformat_minor': nb['nbformat_minor'],
    }

def write(src:Path, folder:Path):
    "Write the source of notebook `src` into `folder`"
    folder.mkdir(parents=True, exist_ok=True)
    nb = source(json.loads(src.read_text()))
    text = json.dumps(nb, indent=1, sort_keys=True, ensure_ascii=False)
    tmp = folder/f'.{src.name}.{os.getpid()}'
    tmp.write_text(text+'\n')
    tmp.replace(folder/src.name)

if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    *notebooks, folder = map(Path, sys.argv[1:])
    for nb in notebooks:
        write(nb, folder)
