"""Turn params.yaml into another size, by laying params/<size>.yaml over it.

    python tools/size.py smoke

Comments and order stay, the result is checked before the file is replaced. `git checkout
params.yaml` is the way back."""
import sys
from pathlib import Path

from ruamel.yaml import YAML

from sketchnb.config import load_params
from sketchnb.core import atomic

def lay(base:dict, over:dict):
    "Write the values of `over` into `base`, section by section; null takes a key away"
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            lay(base[key], value)
        elif value is None:
            base.pop(key, None)
        else:
            base[key] = value

def resize(path:Path, overlay:Path):
    """Lay `overlay` over the params file `path`.

    `ValueError` names a key that isn't right, and then nothing is written"""
    load_params(path, overlay)
    yaml = YAML()
    yaml.width = 120
    params = yaml.load(path.read_text())
    lay(params, yaml.load(overlay.read_text()))
    with atomic(path) as tmp:
        yaml.dump(params, tmp)

if __name__ == '__main__':
    sizes = sorted(path.stem for path in Path('params').glob('*.yaml'))
    if sys.argv[1:] not in [[size] for size in sizes]:
        sys.exit(f'{__doc__}\n\nsizes: {", ".join(sizes)}')
    try:
        resize(Path('params.yaml'), Path(f'params/{sys.argv[1]}.yaml'))
    except ValueError as error:
        sys.exit(str(error))
