"""README.md from nbs/index.ipynb: what is hidden goes, directives go, outputs stay.

    python tools/readme.py            write README.md and its pictures (index_files/)
    python tools/readme.py --check    only compare; exit status 1 if they are stale

It does what `nbdev_readme` does, without needing quarto."""
import base64, re, shutil, sys
from pathlib import Path

from nbdev.process import NBProcessor

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT/'nbs/index.ipynb'
README = ROOT/'README.md'
FIGURES = ROOT/'index_files'

def output(stored:dict, figures:dict) -> str:
    "Markdown of one stored output; a picture is added to `figures`, {file name: bytes}"
    data = stored.get('data', {})
    if 'image/png' in data:
        name = f'{len(figures)+1}.png'
        figures[name] = base64.b64decode(''.join(data['image/png']))
        return f'![]({FIGURES.name}/{name})'
    if 'text/markdown' in data: return ''.join(data['text/markdown'])
    text = ''.join(data.get('text/plain', stored.get('text', '')))
    return '\n'.join(f'    {line}'.rstrip() for line in text.rstrip().splitlines())

def shown(cell:object, figures:dict) -> list[str]:
    "Markdown of what a reader sees of `cell`; pictures are added to `figures`"
    said = getattr(cell, 'directives_', None) or {}
    if 'hide' in said or said.get('include:') == ['false']: return []
    source = re.sub(r'^#\|.*\n?', '', cell.source, flags=re.M).strip()
    if cell.cell_type != 'code': return [source]
    has_input = source and said.get('echo:') != ['false'] and 'hide_input' not in said
    code = [f'```python\n{source}\n```'] if has_input else []
    if 'hide_output' in said: return code
    return code + [output(stored, figures) for stored in cell.get('outputs', [])]

def render(path:Path) -> tuple[str, dict]:
    "Markdown of the notebook at `path` and its pictures"
    parts = []
    figures = {}
    for cell in NBProcessor(path, process=True, rm_directives=False).nb.cells:
        parts += shown(cell, figures)
    return '\n\n'.join(part for part in parts if part.strip())+'\n', figures

def stale(text:str, figures:dict) -> list[str]:
    "Names of the files that differ from what the notebook says"
    out = [] if README.exists() and README.read_text() == text else [README.name]
    files = FIGURES.iterdir() if FIGURES.exists() else []
    there = {path.name: path.read_bytes() for path in files}
    names = [name for name in sorted({*there, *figures}) if there.get(name) != figures.get(name)]
    return out + [f'{FIGURES.name}/{name}' for name in names]

def write(text:str, figures:dict):
    "Write README and pictures"
    shutil.rmtree(FIGURES, ignore_errors=True)
    if figures:
        FIGURES.mkdir()
    for name, content in figures.items():
        (FIGURES/name).write_bytes(content)
    README.write_text(text)

if __name__ == '__main__':
    if not NOTEBOOK.exists():
        sys.exit(f'{NOTEBOOK} is missing: README.md is made from it')
    made = render(NOTEBOOK)
    if '--check' not in sys.argv:
        write(*made)
    elif names := stale(*made):
        sys.exit(f"stale: {', '.join(names)}; run `python tools/readme.py`")
