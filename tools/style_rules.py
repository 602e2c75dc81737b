"""The rules by which code is written here, and what in a piece of code breaks them."""
import ast, io, re, tokenize
from collections import Counter
from collections.abc import Iterator

RULES = {
    'columns': 'at most 100; only a table, NAME = [...], may be wider',
    'semicolon': 'one statement a line',
    'tuple': '`a, b = c, d` only swaps, or sets two things of one kind, and never attributes',
    'one-line': 'only a guard, `if ...: raise`, return, continue or break, stands on one line',
    'name': 'of one letter only i, n, x, q, g, t; any where a docstring names the equation',
    'typed': 'public arguments are typed',
    'signature': 'from four arguments on, one a line',
    'cell': 'at most 25 lines, 40 if it is one class; half of a notebook at most 6, better 4',
    'test': 'tests are in cells that are shown, one a line',
    'picture': 'a chapter has a stored picture',
    'function': 'at most 30 lines, without signature and docstring',
    'module': 'at most 400 lines',
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
GUARDS = (ast.Raise, ast.Return, ast.Continue, ast.Break)
LITERALS = (ast.List, ast.Dict, ast.Tuple, ast.Constant)

class Code:
    "A module, or the cell of a notebook that has the id `cell` and these outputs"
    def __init__(self, source:str, cell:str='', outputs:list|tuple=()):
        self.source = source
        self.cell = cell
        self.lines = source.splitlines()
        self.directives = re.findall(r'^#\|\s*(\w+)', source, flags=re.M)
        kinds = [kind for output in outputs for kind in output.get('data', ())]
        self.has_picture = any(kind.startswith('image/') for kind in kinds)
        self.tree = ast.parse(source)
        self.nodes = list(ast.walk(self.tree))
        self.functions = [node for node in self.nodes if isinstance(node, FUNCTIONS)]
        self.tables = {i for node in self.tree.body for i in table(node)}

    def size(self, first:int=1, last:int|None=None) -> int:
        "Lines from `first` to `last`, without empty ones, directives and tables"
        block = enumerate(self.lines[first-1:last], first)
        return sum(x.strip() != '' and x[:2] != '#|' and i not in self.tables for i, x in block)

def table(node:ast.stmt) -> range:
    "The lines of a literal that is given a name in capitals, or `__all__`; of anything else none"
    if not isinstance(node, ast.Assign) or not isinstance(node.value, LITERALS): return range(0)
    name = ast.unparse(node.targets[0])
    is_table = name.isupper() or name == '__all__'
    return range(node.lineno, node.end_lineno+1) if is_table else range(0)

# Each of these gives (rule, line) of what breaks its rules

def layout(code:Code) -> Iterator[tuple[str, int]]:
    for i, line in enumerate(code.lines, 1):
        if len(line) > 100 and i not in code.tables:
            yield 'columns', i
    for token in tokenize.generate_tokens(io.StringIO(code.source).readline):
        if token.string == ';':
            yield 'semicolon', token.start[0]

def tuples(code:Code) -> Iterator[tuple[ast.Assign, list, list]]:
    "Assignments to several names, the names, and as many values, or [] if one value is unpacked"
    for node in code.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            yield node, node.targets[0].elts, getattr(node.value, 'elts', [])

def tuple_sizes(code:Code) -> list[int]:
    "How many values each assignment `a, b = c, d` has"
    return [len(values) for _, _, values in tuples(code) if values]

def kind(node:ast.expr) -> str:
    "What sort of expression it is; of a call, what is called"
    if not isinstance(node, ast.Call): return type(node).__name__
    return getattr(node.func, 'attr', None) or ast.unparse(node.func)

def assignments(code:Code) -> Iterator[tuple[str, int]]:
    for node, names, values in tuples(code):
        is_swap = {*map(ast.unparse, names)} == {*map(ast.unparse, values)}
        alike = len(values) <= 2 and len({*map(kind, values)}) <= 1
        to_attribute = any(isinstance(name, ast.Attribute) for name in names)
        if to_attribute or not (is_swap or alike):
            yield 'tuple', node.lineno

def bodies(code:Code) -> Iterator[tuple[str, int]]:
    parts = [(node, part) for node in code.nodes for part in ('body', 'orelse', 'finalbody')]
    for node, part in parts:
        body = getattr(node, part, None)
        if not isinstance(body, list) or not body: continue
        first = body[0]
        before = code.lines[first.lineno-1].encode()[:first.col_offset]
        is_guard = isinstance(node, ast.If) and part == 'body' and isinstance(first, GUARDS)
        if before.strip() and not is_guard:
            yield 'one-line', first.lineno

def public(code:Code) -> list[ast.FunctionDef]:
    "Functions, and methods of classes, that others call"
    if code.cell and 'export' not in code.directives: return []
    seen = [node for node in code.tree.body if getattr(node, 'name', '_')[0] != '_']
    seen += [member for node in seen if isinstance(node, ast.ClassDef) for member in node.body]
    called = [node for node in seen if isinstance(node, FUNCTIONS)]
    return [node for node in called if node.name[0] != '_' or node.name in ('__init__', '__call__')]

def signatures(code:Code) -> Iterator[tuple[str, int]]:
    for node in public(code):
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        own = [argument for argument in every if argument.arg not in ('self', 'cls')]
        if not all(argument.annotation for argument in own):
            yield 'typed', node.lineno
        on_a_line = len({argument.lineno for argument in own}) == len(own)
        if len(own) > 3 and not on_a_line:
            yield 'signature', node.lineno

def bound(node:ast.AST) -> str:
    "The name that `node` gives to something, if any"
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store): return node.id
    if isinstance(node, ast.arg): return node.arg
    return isinstance(node, ast.ExceptHandler) and node.name or ''

def names(code:Code) -> Iterator[tuple[str, int]]:
    "A public function's arguments are free, too: another name would break its callers"
    free = {x for node in public(code) for x in ast.walk(node.args)}
    for node in code.functions:
        doc = ast.get_docstring(node) or ''
        if re.search(r'\b(eqs?|equations?)\b', doc, re.I):
            free |= {*ast.walk(node)}
    for node in code.nodes:
        name = bound(node)
        if len(name) == 1 and name not in 'inxqgt_' and node not in free:
            yield 'name', node.lineno

def tests(code:Code) -> Iterator[tuple[str, int]]:
    calls = [node for node in code.nodes if isinstance(node, ast.Call)]
    calls = {node for node in calls if ast.unparse(node.func).startswith('test_')}
    lines = [node.lineno for node in code.nodes if isinstance(node, ast.Assert) or node in calls]
    for i, n in Counter(lines).items():
        if n > 1 or 'hide' in code.directives:
            yield 'test', i

def sizes(code:Code) -> Iterator[tuple[str, int]]:
    for node in code.functions:
        body = node.body if ast.get_docstring(node) is None else node.body[1:]
        if body and 1 + code.size(body[0].lineno, node.end_lineno) > 30:
            yield 'function', node.lineno
    one_class = len(code.tree.body) == 1 and isinstance(code.tree.body[0], ast.ClassDef)
    if code.cell and code.size() > (40 if one_class else 25):
        yield 'cell', 1
    if not code.cell and len(code.lines) > 400:
        yield 'module', 1

def broken(code:Code) -> list[tuple[str, int]]:
    "(rule, line) of each place in `code` that breaks a rule"
    checks = layout, assignments, bodies, signatures, names, tests, sizes
    return sorted({place for check in checks for place in check(code)})
