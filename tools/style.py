"""What breaks the rules by which notebooks, library and tools are written (tools/style_rules.py).

    python tools/style.py [PATH ...]    each place that breaks one; everywhere by default
    python tools/style.py --counts      how much there is
    python tools/style.py --write       lower the numbers in tools/style_todo.txt
    python tools/style.py --self-test   does each rule find what it should, and only that?

tools/style_todo.txt says how much is still open in each file. The check `style` wants just as
much: more is a fault, and once there is less, the number is to be lowered."""
import argparse, json, re, sys
from collections import Counter
from pathlib import Path
from statistics import median

from smoke import ROOT, Failed
from style_cases import BREAK, KEEP
from style_rules import RULES, Code, broken, tuple_sizes

TODO = ROOT/'tools/style_todo.txt'
NO_PICTURE = ('nbs/pipeline/', 'nbs/data/categories/')  # the stages, and parts of one chapter

# What is open

def files(folder:str='') -> list[Path]:
    "Every notebook, and every module that nbdev doesn't write by itself; those of `folder`"
    modules = [*(ROOT/'tools').glob('*.py'), *(ROOT/'sketchnb').rglob('*.py')]
    every = [*(ROOT/'nbs').rglob('*.ipynb'), *modules]
    seen = [path for path in every if not re.search(r'(^|/)[_.]', name(path))]
    return sorted(path for path in seen if name(path).startswith(folder))

def name(path:Path) -> str:
    "`path` as tools/style_todo.txt has it"
    return path.resolve().relative_to(ROOT).as_posix()

def parts(path:Path) -> list[Code]:
    "The code of a module, or of each cell of a notebook"
    if path.suffix == '.py': return [Code(path.read_text())]
    cells = [cell for cell in json.loads(path.read_text())['cells'] if cell['cell_type'] == 'code']
    return [Code(''.join(cell['source']), cell['id'], cell['outputs']) for cell in cells]

def median_cell(codes:list[Code]) -> float:
    "Lines of the median cell, of those that hold more than directives; 0 of a module"
    return median([code.size() for code in codes if code.cell and code.size()] or [0])

def lacks_picture(path:Path, codes:list[Code]) -> bool:
    "Whether it is a chapter in which no output is a picture"
    is_chapter = path.suffix == '.ipynb' and not name(path).startswith(NO_PICTURE)
    return is_chapter and not any(code.has_picture for code in codes)

def found(path:Path) -> list[tuple[str, str]]:
    "(rule, what breaks it and where) of each place in the file at `path` that breaks one"
    codes = parts(path)
    places = [(code, rule, i) for code in codes for rule, i in broken(code)]
    told = [(rule, f'{code.cell} line {i}'.strip(), code.lines[i-1]) for code, rule, i in places]
    if median_cell(codes) > 6:
        told.append(('cell', 'all cells', f'the median has {median_cell(codes):g} lines'))
    if lacks_picture(path, codes):
        told.append(('picture', 'all cells', 'none is stored'))
    return [(rule, f'{name(path)}, {at}: {rule}: {what.strip()[:80]}') for rule, at, what in told]

def report(paths:list[Path]) -> bool:
    "Print what is open in `paths`, and the rules that it breaks; is nothing?"
    told = [place for path in paths for place in found(path)]
    rules = [f'{rule}: {RULES[rule]}' for rule in RULES if rule in dict(told)]
    print(*(place for _, place in told), *rules, f'{len(told)} open', sep='\n')
    return not told

# What has been open

def listed() -> dict[str, int]:
    "{path: how much is open}, as tools/style_todo.txt says"
    lines = TODO.read_text().splitlines() if TODO.exists() else []
    return {path: int(n) for path, n in map(str.split, lines)}

def ratchet() -> str:
    "How much is open; `Failed` if that isn't what is listed"
    todo = listed()
    now = {name(path): found(path) for path in files()}
    more = [path for path in now if len(now[path]) > todo.get(path, 0)]
    if more:
        told = '\n'.join(place for path in more for _, place in now[path])
        raise Failed(f'{told}\nmore than tools/style_todo.txt lists: {", ".join(more)}')
    fewer = [path for path, n in todo.items() if n > len(now.get(path, []))]
    if fewer: raise Failed(f'lower it with `python tools/style.py --write`: {", ".join(fewer)}')
    return f'{sum(todo.values())} still open in {len(todo)} files'

def write():
    "Lower the listed numbers to what is open now; without a list, begin it"
    todo = listed()
    is_new = not TODO.exists()
    now = {name(path): len(found(path)) for path in files()}
    kept = {path: n if is_new else min(n, todo.get(path, 0)) for path, n in now.items()}
    TODO.write_text(''.join(f'{path} {n}\n' for path, n in kept.items() if n))

# How much there is

def measures(path:Path) -> Counter:
    "What is counted of one file"
    codes = parts(path)
    rules = Counter(rule for code in codes for rule, _ in broken(code))
    sizes = [n for code in codes for n in tuple_sizes(code)]
    return Counter({
        'lines over 100 columns': rules['columns'],
        'lines with ;': rules['semicolon'],
        'tuple assignments (a, b = c, d)': len(sizes),
        'tuple assignments of three or more': sum(n > 2 for n in sizes),
        'functions over 30 lines': rules['function'],
        'cells over 25 lines': sum(code.size() > 25 for code in codes if code.cell),
        'notebooks with a median cell over 4 lines': int(median_cell(codes) > 4),
        'places that break a rule': len(found(path)),
    })

def counts():
    "Print a table; the library is exported from the notebooks, so its column says the same again"
    folders = ['nbs', 'tools', 'sketchnb']
    columns = [sum(map(measures, files(f'{folder}/')), Counter()) for folder in folders]
    print(f'{"":45}', *(f'{folder:>9}' for folder in folders))
    for row in measures(Path(__file__)):
        print(f'{row:45}', *(f'{column[row]:9}' for column in columns))

# Does it work?

def rules_of(case:str) -> set[str]:
    "Which rules the code `case` breaks; it is a cell if it begins with a directive"
    return {rule for rule, _ in broken(Code(case, 'a' if case.startswith('#|') else ''))}

def self_test():
    "Each rule finds what it should, and only that"
    cases = [(case, {rule}) for rule, cases in BREAK.items() for case in cases]
    cases += [(case, set()) for case in KEEP]
    for case, rules in cases:
        if rules_of(case) != rules: raise Failed(f'{rules_of(case)} instead of {rules}:\n{case}')

def main(args:argparse.Namespace):
    "Do what was asked for"
    if args.counts: return counts()
    if args.write: return write()
    if args.self_test: return self_test()
    sys.exit(not report(args.paths or files()))

if __name__ == '__main__':
    formatter = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument('paths', nargs='*', type=Path)
    for option in '--counts', '--write', '--self-test':
        parser.add_argument(option, action='store_true')
    main(parser.parse_args())
