"""Turn params.yaml into another size, by laying params/<size>.yaml over it.

    python tools/size.py smoke

A file that holds other values of keys, or new ones, is laid over it in the same way. `left_out`
lists entries of studies that are dropped.

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

def leave_out(params:dict, names:list[str]):
    "Drop the entries `names` from the studies of `params`. `ValueError` if one isn't there"
    for name in names:
        if name not in params['studies']['methods']:
            raise ValueError(f'left_out: {name} is no entry of studies.methods')
        del params['studies']['methods'][name]
        del params['studies']['rows'][name]

def resize(path:Path, overlay:Path):
    """Lay `overlay` over the params file `path`.

    `ValueError` names a key that isn't right, and then nothing is written"""
    yaml = YAML()
    yaml.width = 80
    params = yaml.load(path.read_text())
    over = yaml.load(overlay.read_text())
    leave_out(params, sum(over.pop('left_out', []), []))
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
