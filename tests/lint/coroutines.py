"""Coroutine traps: what gcc 12 destroys twice, what outlives its captures, what nobody joins."""

from source import Finding

RULES = {
    "name-then-await": "gcc 12 destroys an aggregate or a capturing lambda twice that is built inside a co_await "
                       "expression, at every optimisation level: build it in its own statement, then await",
    "lambda-coroutine": "a coroutine uses its lambda's captures after the lambda is gone: write a function with "
                        "parameters (in a test, a lambda with a name of its own will do)",
    "detached": "a detached task is joined by nobody and outlives what it uses: spawn it in a TaskGroup",
    "co-spawn": "only TaskGroup::spawn and main start coroutines, so that every task has an owner that joins it",
}

_CONTROL = {"if", "while", "for", "switch", "catch"}
_BEFORE_BLOCK = {")", ";", "else", "do", "try", "const", "noexcept", "mutable", "override", "final", "requires", ":"}
_TYPE_PUNCTUATION = {"::", "<", ">", ",", "*", "&", "&&"}
_AWAITS = {"co_await", "co_yield"}
_OPEN, _CLOSE = {"(": ")", "[": "]", "{": "}"}, {")": "(", "]": "[", "}": "{"}


def _is_word(text):
    return text[0].isalpha() or text[0] == "_"


class Shape:
    """Brackets of a token list: partners, which braces are blocks, and the lambdas."""

    def __init__(self, tokens):
        self.texts = [token.text for token in tokens]
        self.partner = {}
        self.block = {}       # opening brace → True for a block, False for an initialiser
        self.lambda_of = {}   # opening brace of a body → its "[" ; and the "[" → that brace
        outer = []
        for at, text in enumerate(self.texts):
            if text in _OPEN:
                if text == "{":
                    self.block[at] = self._is_block(at, outer)
                outer.append(at)
            elif text in _CLOSE and outer and self.texts[outer[-1]] == _CLOSE[text]:
                opened = outer.pop()
                self.partner[opened], self.partner[at] = at, opened
        for at, text in enumerate(self.texts):
            if text == "[" and self._is_introducer(at):
                body = self._body(at)
                if body is not None:
                    self.lambda_of[body] = at
                    self.lambda_of[at] = body

    def _is_block(self, at, outer):
        before = self.texts[at - 1] if at else ";"
        if before in _BEFORE_BLOCK or before == "]":
            return True
        if before in ("{", "}"):
            around = next((o for o in reversed(outer) if self.texts[o] == "{"), None)
            inside_parentheses = outer and self.texts[outer[-1]] == "("
            return not inside_parentheses and (around is None or self.block[around])
        if not _is_word(before) and before not in (">", "*", "&"):
            return False
        if before in ("return", "co_return", "co_yield", "co_await", "in"):
            return False
        return self._ends_a_signature(at) or self._is_definition(at)

    def _ends_a_signature(self, at):
        """`) -> Task<int> {`"""
        back = at - 1
        while back > 0 and (_is_word(self.texts[back]) or self.texts[back] in _TYPE_PUNCTUATION):
            back -= 1
        return self.texts[back] == "->" and back > 0 and self.texts[back - 1] in (")", "]", "mutable", "noexcept")

    def _is_definition(self, at):
        """`struct X : Y {`, `namespace a::b {`"""
        back = at - 1
        while back >= 0 and self.texts[back] not in (";", "{", "}", "(", ")", "="):
            if self.texts[back] in ("struct", "class", "union", "enum", "namespace", "extern", "concept"):
                return True
            back -= 1
        return False

    def _is_introducer(self, at):
        if at + 1 < len(self.texts) and self.texts[at + 1] == "[":
            return False  # an attribute
        before = self.texts[at - 1] if at else ";"
        if before == "[" or before in (")", "]"):
            return False
        return not _is_word(before) or before in ("return", "co_return", "co_await", "co_yield", "else")

    def _body(self, at):
        """The brace that opens the body of the lambda whose introducer stands at `at`."""
        end = self.partner.get(at)
        if end is None:
            return None
        next_at = end + 1
        while next_at < len(self.texts):
            text = self.texts[next_at]
            if text == "{":
                return next_at if next_at in self.partner else None
            if text == "(":
                next_at = self.partner.get(next_at, len(self.texts))
            elif not (_is_word(text) or text in _TYPE_PUNCTUATION or text == "->"):
                return None
            next_at += 1
        return None

    def captures(self, introducer):
        return self.partner[introducer] > introducer + 1

    def expression(self, at):
        """(first, behind the last) token of the full expression round the token at `at`."""
        first, limit = self._first(at)
        return first, self._behind(first, limit)

    def _first(self, at):
        back = at - 1
        while back >= 0:
            text = self.texts[back]
            if text == ";" or text in ("else", "do"):
                return back + 1, None
            if text in _CLOSE and back in self.partner:
                opened = self.partner[back]
                if text == "}" and self.block[opened]:
                    if opened not in self.lambda_of:
                        return back + 1, None
                if text == ")" and self._is_control(opened):
                    return back + 1, None
                back = opened - 1
                continue
            if text == "{" and self.block[back]:
                return back + 1, None
            if text == "(" and self._is_control(back):
                return back + 1, self.partner.get(back)
            back -= 1
        return 0, None

    def _is_control(self, opened):
        before = self.texts[opened - 1] if opened else ""
        return before in _CONTROL or (before == "constexpr" and self.texts[opened - 2] == "if")

    def _behind(self, first, limit):
        at, depth = first, 0
        while at < len(self.texts) and at != limit:
            text = self.texts[at]
            if text == ";":
                return at
            if text == "{" and self.block[at]:
                if at not in self.lambda_of:
                    return at
                at = self.partner.get(at, at)
            elif text in _OPEN:
                depth += 1
            elif text in _CLOSE:
                if depth == 0:
                    return at
                depth -= 1
            at += 1
        return at

    def own_tokens(self, first, behind):
        """Indices from first to behind without the bodies of lambdas in between."""
        at = first
        while at < behind:
            yield at
            if at in self.lambda_of and self.texts[at] == "{":
                at = self.partner[at]
            at += 1


def _awaits(source, shape):
    seen = set()
    for at, token in enumerate(source.tokens):
        if token.text not in _AWAITS:
            continue
        first, behind = shape.expression(at)
        for inner in shape.own_tokens(first, behind):
            if inner in seen:
                continue
            text = shape.texts[inner]
            if text == "{" and shape.block.get(inner) is False:
                seen.add(inner)
                yield source.tokens[inner].line, "name-then-await", "braces inside a co_await expression"
            elif text == "[" and inner in shape.lambda_of and shape.captures(inner):
                seen.add(inner)
                yield source.tokens[inner].line, "name-then-await", "a capturing lambda inside a co_await expression"


def _lambdas(source, shape):
    for introducer, body in shape.lambda_of.items():
        if shape.texts[introducer] != "[" or not shape.captures(introducer):
            continue
        inside = shape.own_tokens(body + 1, shape.partner[body])
        if not any(shape.texts[at].startswith("co_") for at in inside
                   if shape.texts[at] in ("co_await", "co_return", "co_yield")):
            continue
        named = shape.texts[introducer - 1] == "=" and _is_word(shape.texts[introducer - 2])
        if source.is_test and named:
            continue
        yield source.tokens[introducer].line, "lambda-coroutine", "a capturing lambda is a coroutine"


def _words(source):
    starter = source.path == "common/base/task_group.cc" or source.name == "main.cc" or source.is_test
    for line, match in source.matches(r"\basio::detached\b|\bco_spawn\s*\("):
        if "detached" in match.group(0):
            yield line, "detached", "asio::detached"
        elif not starter:
            yield line, "co-spawn", "co_spawn outside common/base/task_group.cc and main.cc"


def check(source):
    if not source.is_cxx:
        return
    shape = Shape(source.tokens)
    for scan in (_awaits(source, shape), _lambdas(source, shape), _words(source)):
        for line, rule, text in scan:
            if not source.allowed(rule, line):
                yield Finding(source.path, line, rule, text)
