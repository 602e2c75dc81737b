"""Turn params.yaml into another size, by laying params/<size>.yaml over it.

    python tools/size.py smoke

Comments and order stay, the result is checked before the file is replaced. `git checkout params.yaml` is the way back."""
import sys
from pathlib import Path

from ruamel.yaml import YAML

from sketchnb.config import load_params
from sketchnb.core import atomic

def lay(base, over):
    "Write the values of `over` into `base`, section by section; null takes a key away"
    for k, v in over.items():
        if isinstance(v, dict) and isinstance(base.get(k), dict): lay(base[k], v)
        elif v is None: base.pop(k, None)
        else: base[k] = v

def resize(path:Path, overlay:Path):
    "Lay `overlay` over the params file `path`; `ValueError` names a key that isn't right, and nothing is written"
    load_params(path, overlay)
    yaml = YAML()
    yaml.width = 120
    d = yaml.load(path.read_text())
    lay(d, yaml.load(overlay.read_text()))
    with atomic(path) as tmp: yaml.dump(d, tmp)

if __name__ == '__main__':
    sizes = sorted(p.stem for p in Path('params').glob('*.yaml'))
    if sys.argv[1:] not in [[s] for s in sizes]: sys.exit(f'{__doc__}\n\nsizes: {", ".join(sizes)}')
    try: resize(Path('params.yaml'), Path(f'params/{sys.argv[1]}.yaml'))
    except ValueError as e: sys.exit(str(e))
