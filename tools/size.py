"""Turn params.yaml into another size, by laying params/<size>.yaml over it.

    python tools/size.py smoke

A file that holds other values of keys, or new ones, is laid over it in the same way.

Comments and order stay, the result is checked before the file is replaced. `git checkout
params.yaml` is the way back."""
import sys
from pathlib import Path

from ruamel.yaml import YAML

from sketchnb.config import load_params
from sketchnb.core import atomic

def lay(base:dict, over:dict):
    "Write the values of `over` into `base`, section by section"
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            lay(base[key], value)
        else:
            base[key] = value

def keep_studies(params:dict, kept:list[str]):
    "Drop from the studies of `params` all entries but those `kept`"
    for part in (params['studies']['methods'], params['studies']['rows']):
        for name in [name for name in part if name not in kept]:
            del part[name]

def resize(path:Path, overlay:Path, kept:list[str]|None=None):
    """Lay `overlay` over the params file `path`; of studies only entries `kept`, if they are named.

    `ValueError` names a key that isn't right, and then nothing is written"""
    yaml = YAML()
    yaml.width = 80
    params = yaml.load(path.read_text())
    over = yaml.load(overlay.read_text())
    if kept:
        keep_studies(params, kept)
    lay(params, over)
    with atomic(path) as tmp:
        yaml.dump(params, tmp)
        load_params(tmp)

if __name__ == '__main__':
    sizes = {path.stem: path for path in Path('params').glob('*.yaml')}
    if len(sys.argv) != 2:
        sys.exit(f'{__doc__}\n\nsizes: {", ".join(sorted(sizes))}')
    overlay = sizes.get(sys.argv[1], Path(sys.argv[1]))
    if not overlay.is_file():
        sys.exit(f'{overlay}: neither a size nor a file')
    try:
        resize(Path('params.yaml'), overlay)
    except ValueError as error:
        sys.exit(str(error))
